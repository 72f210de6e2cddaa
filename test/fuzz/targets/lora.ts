import { openAdapter } from '../../../src/lora/adapter.ts';
import { openAdapterFiles } from '../../../src/lora/adapter-source.ts';
import { buildAdapter } from '../../helpers/adapters/build-adapter.ts';
import { withHeader } from '../../helpers/files/build-safetensors.ts';
import { llamaVariant } from '../../helpers/models/llama-model.ts';
import { mutated, mutatedBytes } from '../mutate.ts';
import { holds, target } from '../target.ts';

const { tensors } = llamaVariant('llama-untied').build();
const ENTRIES = new Map(
  Array.from(tensors, ([name, { shape }]) => {
    const byteLength = shape.reduce((product, size) => product * size, 4);
    return [name, { name, dtype: 'F32', shape, offset: 0, byteLength }] as const;
  }),
);
const ADAPTER = buildAdapter(tensors, { rank: 2 });
const HEADER_END = 8 + new DataView(ADAPTER.source.weights.buffer).getUint32(0, true);
const HEADER = JSON.parse(
  new TextDecoder().decode(ADAPTER.source.weights.subarray(8, HEADER_END)),
) as object;
const DATA = ADAPTER.source.weights.subarray(HEADER_END);

const KEYS =
  'r lora_alpha use_rslora rank_pattern alpha_pattern target_modules exclude_modules layers_to_transform modules_to_save bias init_lora_weights use_dora peft_type fan_in_fan_out'.split(
    ' ',
  );
const PATTERNS = ['.*', '(a|b)', 'q_proj', '\\.', '[a-z]', '{2,3}', '(?:', '+', '*', '$', '^'];

interface Input {
  readonly config: unknown;
  readonly weights: Uint8Array;
}

/** The two files of an adapter: what passes fits the model, and is read to its end. */
export const LORA = target<Input>({
  name: 'lora',
  make(draw) {
    const pattern = draw.text(40, PATTERNS);
    const own = draw.chance(0.3)
      ? { ...ADAPTER.source.config, target_modules: pattern, alpha_pattern: { [pattern]: 4 } }
      : ADAPTER.source.config;
    const header = draw.chance(0.3) ? mutated(HEADER, draw) : HEADER;
    const file = withHeader(JSON.stringify(header), DATA);
    return {
      config: draw.chance(0.7) ? mutated(own, draw, KEYS) : own,
      weights: draw.chance(0.2) ? mutatedBytes(file, draw) : file,
    };
  },
  async run({ config, weights }) {
    const bytes = new TextEncoder().encode(JSON.stringify(config) ?? '');
    const files = await openAdapterFiles({ config: bytes, weights }, 'source');
    const adapter = await openAdapter(files, 'bytes', 1, { entries: ENTRIES, isTied: false });
    const products = await adapter.read();
    holds([...products.keys()].join() === adapter.changes.join(), 'all are read');
    for (const [name, { rank, factor, rows, columns }] of products) {
      const [height, width] = ENTRIES.get(name)!.shape;
      holds(rows.length === height! * rank && columns.length === rank * width!, 'sizes');
      holds(
        Number.isFinite(factor) && [rows, columns].every((a) => a.every(Number.isFinite)),
        'finite',
      );
    }
  },
});
