// A watch, and an informer, from a revision that the server has forgotten.

import assert from 'node:assert/strict';
import * as k8s from '@kubernetes/client-node';
import { eventually, kubeConfig, namespace } from './common.mjs';

const config = kubeConfig();
const core = config.makeApiClient(k8s.CoreV1Api);
const path = `/api/v1/namespaces/${namespace}/configmaps`;

const events = [];
await new Promise((resolve) => {
  const note = (type, object) => events.push([type, object.code]);
  new k8s.Watch(config).watch(path, { resourceVersion: process.env.REVISION }, note, resolve);
});
assert.deepEqual(events, [['ERROR', 410]]);

// The informer finds out in the same way, and lists again.
let lists = 0;
const list = async () => {
  const listed = await core.listNamespacedConfigMap({ namespace });
  lists += 1;
  if (lists === 1) {
    listed.metadata.resourceVersion = process.env.REVISION;
  }
  return listed;
};
const informer = k8s.makeInformer(config, path, list);
await informer.start();
await eventually(() => lists === 2);
await core.deleteNamespacedConfigMap({ name: 'old-0', namespace });
await eventually(() => !informer.get('old-0', namespace));
assert.equal(informer.list(namespace).length, 30);
await informer.stop();
