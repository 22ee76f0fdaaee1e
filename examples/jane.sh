# A key and a signing request for jane of the group devs; prints the request for kubectl.
openssl req -new -newkey rsa:2048 -nodes -keyout jane.key -subj /O=devs/CN=jane -out jane.csr 2>/dev/null
cat <<END
apiVersion: certificates.k8s.io/v1
kind: CertificateSigningRequest
metadata:
  name: jane
spec:
  request: $(base64 < jane.csr | tr -d '\n')
  signerName: kubernetes.io/kube-apiserver-client
  expirationSeconds: 86400
  usages: [client auth]
END
