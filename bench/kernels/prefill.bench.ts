import {
  PAPER_DECODE,
  PREFILL_LENGTHS,
  T6_SMALL,
  prefillSuite,
  tpaPrefillMacs,
  type AttentionShape,
} from '../shapes.ts';
import type { SuitePart } from '../suite.ts';
import { openAttention } from './attention.ts';
import { openEngines } from './engines.ts';

export const parts: readonly SuitePart[] = [PAPER_DECODE, T6_SMALL].flatMap((shape) =>
  PREFILL_LENGTHS.map((tokens) => prefillPart(shape, tokens)),
);

function prefillPart(shape: AttentionShape, tokens: number): SuitePart {
  return {
    suite: prefillSuite(shape, tokens),
    prepare: async () => {
      const engines = await openEngines();
      const macs = tpaPrefillMacs(shape, tokens);
      const cases = engines.flatMap(({ name, engine, peak }) => {
        const { run } = openAttention(engine, shape, tokens, tokens);
        return [peak, { name: `TPA prefill, ${name}`, macs, peak: peak.name, run }];
      });
      return { cases };
    },
  };
}
