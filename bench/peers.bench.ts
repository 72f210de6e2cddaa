import { freemem } from 'node:os';
import { gqaGraph, randomGqaFeeds } from './peers/gqa-graph.ts';
import { matmulGraph } from './peers/matmul-graph.ts';
import { openSession, type Peer } from './peers/ort.ts';
import { assertClose, gqaReference, productReference, tpaReference } from './peers/reference.ts';
import { randomFactors, tpaFeeds, tpaGraph, type TpaForm } from './peers/tpa-graph.ts';
import { randomValues } from './random.ts';
import {
  DECODE_PRODUCTS,
  DENSE_PEER_SUITE,
  GQA_32,
  GQA_4,
  PAPER_DECODE,
  PEER_CONTEXT,
  PEER_SUITE,
  PREFILL_PRODUCT,
  gqaDecodeMacs,
  productMacs,
  productSuite,
  tpaDecodeMacs,
  type GroupedShape,
  type ProductShape,
} from './shapes.ts';
import type { PeerCase, PreparedPart, SuitePart } from './suite.ts';

/** Small enough for a scalar reference, odd enough to show a wrong stride. */
const CHECK_TOKENS = 37;

const ORT_NOTE =
  'ORT is onnxruntime-web, wasm provider, one thread. Every call copies its inputs into the wasm heap and the fetched outputs out of it, as any caller of that API must.';
const GQA_NOTE =
  'GQA is com.microsoft GroupQueryAttention, past in and present out; "output only" leaves the present cache in the wasm heap, which no decode loop can, and bounds the operator itself.';

export const parts: readonly SuitePart[] = [
  {
    suite: PEER_SUITE,
    cachedTokens: PEER_CONTEXT,
    notes: [
      ORT_NOTE,
      GQA_NOTE,
      'A token-innermost cache cannot be appended to without moving it; it is the fastest form found for the peer.',
    ],
    prepare: () =>
      combine([
        () => tpaPeer('token-innermost'),
        () => tpaPeer('token-major'),
        () => tpaPeer('einsum'),
        () => gqaPeers(GQA_4),
      ]),
  },
  {
    suite: DENSE_PEER_SUITE,
    cachedTokens: PEER_CONTEXT,
    notes: [ORT_NOTE, GQA_NOTE],
    prepare: () => gqaPeers(GQA_32),
  },
  ...[PREFILL_PRODUCT, DECODE_PRODUCTS.swigluIn].map((shape) => ({
    suite: productSuite(shape),
    notes: [ORT_NOTE],
    prepare: () => productPeer(shape),
  })),
];

async function tpaPeer(form: TpaForm): Promise<PreparedPart> {
  const name = `ORT TPA graph, ${form}`;
  const session = await openSession(tpaGraph(PAPER_DECODE, form));
  const bind = (tokens: number) => {
    const factors = randomFactors(PAPER_DECODE, tokens);
    return { factors, peer: session.bind(name, tpaFeeds(PAPER_DECODE, form, factors)) };
  };
  const small = bind(CHECK_TOKENS);
  await check(small.peer, tpaReference(PAPER_DECODE, small.factors));
  return {
    cases: [toCase(bind(PEER_CONTEXT).peer, tpaDecodeMacs(PAPER_DECODE, PEER_CONTEXT))],
    dispose: () => session.release(),
  };
}

async function gqaPeers(shape: GroupedShape): Promise<PreparedPart> {
  const name = `ORT GQA, ${shape.kvHeads} KV heads`;
  // The past twice (here and in the wasm heap), the present twice, and once more uncollected.
  const needed = 5 * 2 * 4 * shape.kvHeads * shape.headDim * PEER_CONTEXT;
  if (freemem() < needed) {
    throw new Error(`"${name}" expected ${needed} bytes of free memory, got ${freemem()}`);
  }
  const session = await openSession(gqaGraph(shape));
  const small = randomGqaFeeds(shape, CHECK_TOKENS);
  await check(session.bind(name, small), gqaReference(shape, small));
  const feeds = randomGqaFeeds(shape, PEER_CONTEXT);
  const macs = gqaDecodeMacs(shape, PEER_CONTEXT);
  return {
    cases: [
      toCase(session.bind(name, feeds), macs),
      toCase(session.bind(`${name}, output only`, feeds, ['output']), macs),
    ],
    dispose: () => session.release(),
  };
}

async function productPeer(shape: ProductShape): Promise<PreparedPart> {
  const x = randomValues(shape.rows * shape.inner, 1);
  const weight = randomValues(shape.inner * shape.columns, 2);
  const session = await openSession(matmulGraph(shape, weight));
  const bind = (rows: number) =>
    session.bind('ORT MatMul', {
      x: { data: x.subarray(0, rows * shape.inner), dims: [rows, shape.inner] },
    });
  const checked = { ...shape, rows: Math.min(shape.rows, 3) };
  await check(bind(checked.rows), productReference(checked, x, weight));
  return {
    cases: [toCase(bind(shape.rows), productMacs(shape))],
    dispose: () => session.release(),
  };
}

async function check(peer: Peer, expected: Float64Array): Promise<void> {
  await peer.run();
  assertClose(peer.name, peer.output(), expected);
}

function toCase(peer: Peer, macs: number): PeerCase {
  return { name: peer.name, macs, isAsync: true, run: () => peer.run() };
}

/** One part after the other: two sessions created at once would share onnxruntime's start-up. */
async function combine(prepares: readonly (() => Promise<PreparedPart>)[]): Promise<PreparedPart> {
  const prepared: PreparedPart[] = [];
  for (const prepare of prepares) prepared.push(await prepare());
  return {
    cases: prepared.flatMap((part) => part.cases),
    async dispose() {
      for (const part of prepared) await part.dispose?.();
    },
  };
}
