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
import { CACHE_DTYPES, type CacheDtype } from '../../src/layout/cache-dtype.ts';
import { checkDecode, openAttention } from './attention.ts';
import { openEngines } from './engines.ts';

export const parts: readonly SuitePart[] = [
  ...[PAPER_DECODE, T6_SMALL].flatMap((shape) =>
    DECODE_CONTEXTS.map((tokens) =>
      decodePart(decodeSuite(shape, tokens), shape, tokens, CACHE_DTYPES),
    ),
  ),
  decodePart(PEER_SUITE, PAPER_DECODE, PEER_CONTEXT),
  decodePart(DENSE_PEER_SUITE, PAPER_DECODE, PEER_CONTEXT),
];

function decodePart(
  suite: string,
  shape: AttentionShape,
  tokens: number,
  dtypes: readonly CacheDtype[] = ['f32'],
): SuitePart {
  return {
    suite,
    cachedTokens: tokens,
    prepare: async () => {
      const engines = await openEngines();
      const cases = engines.flatMap(({ name, engine, peak }) => {
        const macs = tpaDecodeMacs(shape, tokens);
        const decodes = dtypes.map((dtype) => {
          const title = `TPA decode, ${name}${dtype === 'f32' ? '' : `, ${dtype} cache`}`;
          checkDecode(title, engine, shape, dtype);
          const { run } = openAttention(engine, shape, tokens, 1, { dtype });
          return { name: title, macs, peak: peak.name, run };
        });
        return [peak, ...decodes];
      });
      return { cases };
    },
  };
}
