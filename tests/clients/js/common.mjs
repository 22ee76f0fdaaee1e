// What the scripts share: a server's KubeConfig from the environment, waiting, refusals.

import assert from 'node:assert/strict';
import * as k8s from '@kubernetes/client-node';

export const namespace = process.env.NAMESPACE;

/** A KubeConfig: that of the file, or one without users for a server's address. */
export function kubeConfig() {
  const config = new k8s.KubeConfig();
  if (process.env.KUBECONFIG) {
    config.loadFromFile(process.env.KUBECONFIG);
  } else {
    // Without the last, the client goes to no server in plain HTTP.
    const there = { name: 'there', server: process.env.SERVER, skipTLSVerify: true };
    config.loadFromClusterAndUser(there, { name: 'me' });
  }
  return config;
}

/** The answer of `check` as soon as there is one that is true. */
export async function eventually(check) {
  const deadline = Date.now() + 30_000;
  for (;;) {
    const answer = await check();
    if (answer) {
      return answer;
    }
    assert.ok(Date.now() < deadline, `${check} did not come true`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

/** The message of the Status with which a call is refused. */
export async function refused(code, reason, call) {
  const refusal = await call.then(
    () => assert.fail(`it was not refused: ${code} ${reason}`),
    (error) => error,
  );
  assert.equal(refusal.code, code, String(refusal));
  const status = typeof refusal.body === 'string' ? JSON.parse(refusal.body) : refusal.body;
  assert.equal(status.reason, reason);
  return status.message;
}

export function configMap(name, data, labels) {
  return { metadata: { name, labels }, data };
}

export function names(list) {
  return list.items.map((each) => each.metadata.name);
}
