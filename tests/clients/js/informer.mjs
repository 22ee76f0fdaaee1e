// An informer in a storm. Says when it has listed; when it has seen the object END, it tells all
// that it was told, and what it holds.

import * as k8s from '@kubernetes/client-node';
import { kubeConfig, namespace } from './common.mjs';

const config = kubeConfig();
const core = config.makeApiClient(k8s.CoreV1Api);
// The server ends the watch each second.
const path = `/api/v1/namespaces/${namespace}/configmaps?timeoutSeconds=1`;
const informer = k8s.makeInformer(config, path, () => core.listNamespacedConfigMap({ namespace }));

const events = [];
let connects = 0;
let ended = false;
const types = { add: 'ADDED', update: 'MODIFIED', delete: 'DELETED' };
for (const [verb, type] of Object.entries(types)) {
  informer.on(verb, ({ metadata: { name, resourceVersion }, data }) => {
    events.push([type, name, Number(resourceVersion), Number(data?.number ?? -1)]);
    if (name === process.env.END) {
      ended = true;
      informer.stop().then(tell);
    }
  });
}
informer.on('connect', () => {
  connects += 1;
});
informer.on('error', () => {
  if (!ended) {
    setTimeout(() => informer.start(), 10);
  }
});
await informer.start();
events.length = 0;
console.log('ready');

function tell() {
  const held = informer
    .list(namespace)
    .map(({ metadata }) => [metadata.name, Number(metadata.resourceVersion)]);
  console.log(JSON.stringify({ events, connects, held }));
}
