// Objects through the generated API: their life, lists, patches, apply, subresources, custom ones.

import assert from 'node:assert/strict';
import * as k8s from '@kubernetes/client-node';
import { configMap, eventually, kubeConfig, names, namespace, refused } from './common.mjs';

const config = kubeConfig();
const core = config.makeApiClient(k8s.CoreV1Api);
const apps = config.makeApiClient(k8s.AppsV1Api);
const as = (type) => k8s.setHeaderOptions('Content-Type', type);
const { JsonPatch, MergePatch, StrategicMergePatch, ServerSideApply } = k8s.PatchStrategy;
const web = JSON.parse(process.env.DEPLOYMENT);
const many = process.env.MANY;

const scenarios = {
  async life() {
    const create = (body) => core.createNamespacedConfigMap({ namespace, body });
    const made = await create(configMap('a', { one: '1' }));
    assert.ok(made.metadata.creationTimestamp instanceof Date);
    made.data.two = '2';
    const here = { name: 'a', namespace };
    const replaced = await core.replaceNamespacedConfigMap({ ...here, body: made });
    assert.deepEqual(await core.readNamespacedConfigMap(here), replaced);
    await refused(409, 'Conflict', core.replaceNamespacedConfigMap({ ...here, body: made }));
    await refused(409, 'AlreadyExists', create(configMap('a')));
    await refused(422, 'Invalid', create(configMap('No Name')));
    assert.equal((await core.deleteNamespacedConfigMap(here)).status, 'Success');
    await refused(404, 'NotFound', core.readNamespacedConfigMap(here));
    for (const name of ['x', 'y', 'z']) {
      await create(configMap(name, undefined, { last: String(name === 'z') }));
    }
    await core.deleteCollectionNamespacedConfigMap({ namespace, labelSelector: 'last=false' });
    assert.deepEqual(names(await core.listNamespacedConfigMap({ namespace })), [
      'kube-root-ca.crt',
      'z',
    ]);
  },

  async pages() {
    const whole = await core.listNamespacedConfigMap({ namespace: many, labelSelector: 'label' });
    assert.equal(whole.items.length, 3000);
    const paged = [];
    let _continue;
    do {
      const page = await core.listNamespacedConfigMap({
        ...{ namespace: many, labelSelector: 'label', limit: 700, _continue },
      });
      paged.push(...names(page));
      _continue = page.metadata._continue;
    } while (_continue);
    assert.deepEqual(paged, names(whole));
  },

  async patches() {
    await apps.createNamespacedDeployment({ namespace, body: web });
    const patch = async (body, options) => {
      const shown = await apps.patchNamespacedDeployment({ name: 'web', namespace, body }, options);
      return shown.spec.template.spec.containers.map((each) => `${each.name}=${each.image}`);
    };
    const containers = [{ name: 'log', image: 'log:1' }];
    const sidecar = { spec: { template: { spec: { containers } } } };
    assert.deepEqual(await patch(sidecar, as(StrategicMergePatch)), ['log=log:1', 'web=nginx']);
    assert.deepEqual(await patch(sidecar, as(MergePatch)), ['log=log:1']);
    const path = '/spec/template/spec/containers/0/image';
    const steps = [{ op: 'replace', path, value: 'log:2' }];
    assert.deepEqual(await patch(steps, as(JsonPatch)), ['log=log:2']);
    // A patch is a JSON patch for this client, unless it is told otherwise.
    assert.deepEqual(await patch([{ op: 'test', path, value: 'log:2' }]), ['log=log:2']);
    await refused(422, 'Invalid', patch([{ op: 'test', path, value: 'log:1' }]));
  },

  async apply() {
    const apply = (fieldManager, data, force) =>
      core.patchNamespacedConfigMap(
        {
          ...{ name: 'applied', namespace, fieldManager, force },
          body: { apiVersion: 'v1', kind: 'ConfigMap', ...configMap('applied', data) },
        },
        as(ServerSideApply),
      );
    await apply('one', { a: '1', b: '1' });
    assert.equal(
      await refused(409, 'Conflict', apply('two', { a: '2' })),
      'Apply failed with 1 conflict: conflict with "one": .data.a',
    );
    assert.deepEqual((await apply('two', { a: '2' }, true)).data, { a: '2', b: '1' });
  },

  async subresources() {
    const here = { name: 'web', namespace };
    const scale = await apps.readNamespacedDeploymentScale(here);
    scale.spec.replicas = 2;
    delete scale.metadata.resourceVersion; // its controller writes it, too
    await apps.replaceNamespacedDeploymentScale({ ...here, body: scale });
    await eventually(async () => {
      const { status } = await apps.readNamespacedDeploymentStatus(here);
      return status.readyReplicas === 2;
    });
    const conditions = [{ type: 'Tried', status: 'True' }];
    const body = { spec: { replicas: 9 }, status: { conditions } };
    const shown = await apps.patchNamespacedDeploymentStatus({ ...here, body }, as(MergePatch));
    assert.equal(shown.spec.replicas, 2);
    const [pod] = names(await core.listNamespacedPod({ namespace, labelSelector: 'app=web' }));
    const there = { name: pod, namespace };
    const eviction = { metadata: { name: pod } };
    await core.createNamespacedPodEviction({ ...there, body: eviction });
    await eventually(async () => !names(await core.listNamespacedPod({ namespace })).includes(pod));
  },

  async custom() {
    const api = config.makeApiClient(k8s.CustomObjectsApi);
    const where = { group: 'example.com', version: 'v1', plural: 'widgets', namespace };
    const head = { apiVersion: 'example.com/v1', kind: 'Widget' };
    const widget = (name, size) => ({ ...head, metadata: { name }, spec: { size } });
    await api.createNamespacedCustomObject({ ...where, body: widget('w', 1) });
    const patch = { ...where, name: 'w', body: { spec: { size: 2 } } };
    const shown = await api.patchNamespacedCustomObject(patch, as(MergePatch));
    assert.deepEqual(shown.spec, { size: 2, color: 'red' });
    const body = { status: { ready: 2 } };
    await api.patchNamespacedCustomObjectStatus({ ...where, name: 'w', body }, as(MergePatch));
    const scale = await api.getNamespacedCustomObjectScale({ ...where, name: 'w' });
    assert.deepEqual([scale.spec.replicas, scale.status.replicas], [2, 2]);
    const wrong = api.createNamespacedCustomObject({ ...where, body: widget('x', 'many') });
    await refused(422, 'Invalid', wrong);
  },

  async any() {
    const api = k8s.KubernetesObjectApi.makeApiClient(config);
    const metadata = { name: 'any', namespace };
    for (const head of [
      { apiVersion: 'v1', kind: 'ConfigMap', data: { a: '1' } },
      { apiVersion: 'example.com/v1', kind: 'Widget', spec: { size: 1 } },
    ]) {
      const made = await api.create({ ...head, metadata });
      assert.deepEqual((await api.read(made)).metadata.uid, made.metadata.uid);
      const labels = { tried: 'yes' };
      const patch = { ...head, metadata: { ...metadata, labels } };
      const none = [undefined, undefined, undefined, undefined];
      const patched = await api.patch(patch, ...none, MergePatch);
      assert.deepEqual(patched.metadata.labels, labels);
      const applied = { ...head, metadata };
      const forced = [undefined, undefined, 'applier', true];
      assert.ok(await api.patch(applied, ...forced, ServerSideApply));
      const listed = await api.list(head.apiVersion, head.kind, namespace);
      assert.ok(names(listed).includes('any'));
      assert.equal((await api.delete(made)).status, 'Success');
      await refused(404, 'NotFound', api.read(made));
    }
  },
};

for (const [name, scenario] of Object.entries(scenarios)) {
  console.log(name);
  await scenario();
}
