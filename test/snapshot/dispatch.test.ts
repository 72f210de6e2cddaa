import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { loadModel } from '../../src/index.ts';
import { LocalHost } from '../../src/load/local-host.ts';
import { Model } from '../../src/load/model.ts';
import { argmax, decode, openOn, openSmall, PROMPT } from '../helpers/gpu/dispatch-scenario.ts';
import { mechanismVariant } from '../helpers/models/mechanism-model.ts';
import { readAll } from '../helpers/sessions/sessions.ts';
import { bytesOfStream } from '../helpers/sessions/streams.ts';
import { livelyT6 } from '../helpers/models/t6-model.ts';

const test = suite('snapshots of sessions that a GPU computes, and of threads');

test("a GPU's session is saved as the CPU has it, and restored to either", async () => {
  const [cpu, device] = [await openSmall(), await openSmall()];
  const { heap } = cpu.network.compute;
  const { used } = heap;
  const { model, gpus, dispatch, clock } = await openOn(cpu, device);
  const session = model.createSession();
  const { logits } = await decode(session, await session.prefill(PROMPT), 8, clock);
  assert.ok(gpus.calls.includes('forward'));
  const bytes = await session.snapshot();
  assert.equal(await bytesOfStream(session.snapshotStream()), bytes);

  const restored = await model.restore(bytes);
  const alone = new Model(new LocalHost(cpu, cpu.network.config), cpu.network.config);
  const onCpu = await alone.restore(bytes);
  assert.equal(await restored.snapshot(), bytes);
  assert.equal(await onCpu.snapshot(), bytes);
  const next = argmax(logits);
  const expected = argmax(await session.decode(next));
  for (const each of [restored, onCpu]) assert.is(argmax(await each.decode(next)), expected);

  for (const each of [session, restored, onCpu]) each.dispose();
  dispatch.dispose();
  assert.is(heap.used, used);
});

test('threads and a shared memory give the same bytes, and take them', async () => {
  const sources = [livelyT6(400).source, mechanismVariant('linear-gqa').build().source];
  for (const source of sources) {
    const options = { simd: 'baseline', backend: 'wasm' } as const;
    using one = await loadModel(source, options);
    using two = await loadModel(source, { ...options, threads: 2 });
    const ids = PROMPT.concat(PROMPT).map((id) => id % 60);
    const snapshots: Uint8Array[] = [];
    for (const model of [one, two]) {
      using session = model.createSession();
      await readAll(session.generate(ids, { seed: 1, maxTokens: 3 }));
      snapshots.push(await session.snapshot());
    }
    assert.equal(snapshots[0], snapshots[1]);
    using restored = await two.restore(snapshots[0]!);
    assert.equal(await restored.snapshot(), snapshots[0]);
  }
});

test.run();
