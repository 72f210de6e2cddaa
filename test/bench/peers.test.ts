import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { gqaGraph, randomGqaFeeds } from '../../bench/peers/gqa-graph.ts';
import { openSession, type Feed } from '../../bench/peers/ort.ts';
import type { GraphSpec } from '../../src/backend/webgpu/graph/onnx-model.ts';
import { assertClose, gqaReference, tpaReference } from '../../bench/peers/reference.ts';
import { randomFactors, tpaFeeds, tpaGraph } from '../../bench/peers/tpa-graph.ts';
import { GQA_4, T6_SMALL } from '../../bench/shapes.ts';

const test = suite('bench peers');

async function outputOf(graph: GraphSpec, feeds: Record<string, Feed>): Promise<Float32Array> {
  const session = await openSession(graph);
  const peer = session.bind('peer', feeds);
  await peer.run();
  await session.release();
  return peer.output();
}

// The benchmark itself checks the rank-1 shape it times.
for (const form of ['token-innermost', 'token-major', 'einsum'] as const) {
  test(`tpaGraph() ${form} sums over ranks (6, 2, 2), 13 tokens, rel < 1e-5`, async () => {
    const factors = randomFactors(T6_SMALL, 13);
    const output = await outputOf(tpaGraph(T6_SMALL, form), tpaFeeds(T6_SMALL, form, factors));
    assertClose('tpa', output, tpaReference(T6_SMALL, factors));
  });
}

test('gqaGraph() attends to the past and the new token, rel < 1e-5', async () => {
  const feeds = randomGqaFeeds(GQA_4, 13);
  assertClose('gqa', await outputOf(gqaGraph(GQA_4), feeds), gqaReference(GQA_4, feeds));
});

test('assertClose() throws on a wrong value, a NaN and a missing value', () => {
  const expected = Float64Array.of(1, 2, 3);
  assertClose('same', Float32Array.of(1, 2, 3), expected);
  for (const wrong of [
    [1, 2, 3.001],
    [1, 2, Number.NaN],
    [1, 2],
  ]) {
    assert.throws(
      () => assertClose('wrong', Float32Array.from(wrong), expected),
      /"wrong" expected/,
    );
  }
});

test.run();
