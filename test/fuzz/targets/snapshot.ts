import { TpaError } from '../../../src/base/errors.ts';
import { readInfo } from '../../../src/snapshot/info.ts';
import { restoreSession } from '../../../src/snapshot/restore.ts';
import { writeSnapshot } from '../../../src/snapshot/write.ts';
import { llamaVariant } from '../../helpers/models/llama-model.ts';
import { mechanismVariant } from '../../helpers/models/mechanism-model.ts';
import { openCpuModel } from '../../helpers/models/t6-model.ts';
import { patched, sectionsOf } from '../../helpers/sessions/sections.ts';
import { streamOf } from '../../helpers/sessions/streams.ts';
import type { Draw } from '../draw.ts';
import { mutatedBytes } from '../mutate.ts';
import { holds, target } from '../target.ts';

/** Tokens in the files, the last of which is not cached. */
const TOKENS = [1, 2, 3];
const MODELS = await Promise.all(
  [mechanismVariant('tpa'), mechanismVariant('linear-gqa'), llamaVariant('llama-untied')].map(
    async ({ build }) => {
      const { backend } = await openCpuModel(build().source, { simd: 'baseline' });
      const { heap } = backend.network.compute;
      const files: Uint8Array[] = [];
      for (const dtype of ['f32', 'i16', 'q8'] as const) {
        const sequence = backend.createSequence(dtype);
        for (const id of TOKENS.slice(0, -1)) await sequence.forward([id]);
        const session = { model: backend.identity, sequence, tokens: TOKENS };
        const metadata = new TextEncoder().encode('{"a":[1,"b"]}');
        const random = Uint32Array.of(1, 2, 3, 4);
        const options = { metadata, sha256: dtype === 'i16' };
        files.push(await writeSnapshot({ ...session, random }, options));
        sequence.dispose();
      }
      return { backend, heap, files };
    },
  ),
);
const WORDS = [0, 1, 2, 3, 47, 48, 96, 97, 255, 65_536, 65_537, 2 ** 24, 2 ** 31, 2 ** 32 - 1];

interface Input {
  /** Whose snapshot it was. */
  readonly model: number;
  readonly bytes: Uint8Array;
  /** Bytes of a chunk of a stream; 0 for all at hand. */
  readonly chunk: number;
}

/** Snapshots: one that is refused takes nothing, and one that is taken can be gone on from. */
export const SNAPSHOT = target<Input>({
  name: 'snapshot',
  make(draw) {
    const model = draw.integer(0, MODELS.length - 1);
    const file = draw.pick(MODELS[model]!.files);
    const chunk = draw.chance(0.3) ? draw.integer(1, file.length) : 0;
    return { model, bytes: draw.chance(0.2) ? mutatedBytes(file, draw) : lying(file, draw), chunk };
  },
  async run({ model, bytes, chunk }) {
    const { backend, heap } = MODELS[model]!;
    const source = () => (chunk === 0 ? bytes : streamOf(bytes, chunk));
    const { used, size } = heap;
    const info: unknown = await readInfo(source(), {}).catch((error: unknown) => error);
    try {
      const { sequence, tokens } = await restoreSession(backend, source(), undefined);
      holds(!(info instanceof Error), 'what is restored is shown');
      holds(sequence.length <= tokens.length, 'no more is cached than there are tokens');
      try {
        await sequence.forward([tokens.at(-1) ?? 0]);
      } catch (error) {
        const isOverflow = error instanceof TpaError && error.code === 'NONFINITE_LOGITS';
        if (!isOverflow) throw error;
      } finally {
        sequence.dispose();
      }
    } finally {
      holds(heap.used === used, 'all memory is given back');
      holds(heap.size <= size + 2 ** 20, 'memory does not grow by what a file says');
    }
  },
});

/** A file whose CRCs are right, and other things are not. */
function lying(file: Uint8Array, draw: Draw): Uint8Array {
  let bytes = file;
  for (let n = draw.chance(0.7) ? 1 : draw.integer(2, 4); n > 0; n--) {
    const { id } = draw.chance(0.4) ? { id: 'HEAD' } : draw.pick(sectionsOf(bytes));
    bytes = patched(bytes, id, (payload) => {
      const words = payload.byteLength >> 2;
      if (words === 0) return;
      const first = id === 'HEAD' && draw.chance(0.9) ? 4 : 0; // after the fingerprint
      const at = 4 * draw.integer(first, words - 1);
      const word = draw.chance(0.5) ? draw.pick(WORDS) : draw.integer(0, 2 ** 32 - 1);
      if (draw.chance(0.7)) payload.setUint32(at, word, true);
      else payload.setUint8(at, payload.getUint8(at) ^ (1 << draw.integer(0, 7)));
    });
  }
  if (draw.chance(0.95)) return bytes;
  const sections = sectionsOf(bytes);
  const [left, right] = [draw.pick(sections), draw.pick(sections)];
  return Uint8Array.from([...bytes.subarray(0, left.at), ...bytes.subarray(right.at)]);
}
