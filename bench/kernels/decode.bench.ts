import {
  DECODE_CONTEXTS,
  DENSE_PEER_SUITE,
  PAPER_DECODE,
  PEER_CONTEXT,
  PEER_SUITE,
  T6_SMALL,
  decodeSuite,
  tpaDecodeMacs,
  type AttentionShape,
} from '../shapes.ts';
import type { SuitePart } from '../suite.ts';
import { checkDecode, openAttention } from './attention.ts';
import { openEngines } from './engines.ts';

export const parts: readonly SuitePart[] = [
  ...[PAPER_DECODE, T6_SMALL].flatMap((shape) =>
    DECODE_CONTEXTS.map((tokens) => decodePart(decodeSuite(shape, tokens), shape, tokens)),
  ),
  decodePart(PEER_SUITE, PAPER_DECODE, PEER_CONTEXT),
  decodePart(DENSE_PEER_SUITE, PAPER_DECODE, PEER_CONTEXT),
];

function decodePart(suite: string, shape: AttentionShape, tokens: number): SuitePart {
  return {
    suite,
    cachedTokens: tokens,
    prepare: async () => {
      const engines = await openEngines();
      const cases = engines.flatMap(({ name, engine, peak }) => {
        checkDecode(`TPA decode, ${name}`, engine, shape);
        const { run } = openAttention(engine, shape, tokens, 1);
        const macs = tpaDecodeMacs(shape, tokens);
        return [peak, { name: `TPA decode, ${name}`, macs, peak: peak.name, run }];
      });
      return { cases };
    },
  };
}
