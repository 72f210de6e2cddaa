import { bytesSource } from '../../../src/format/files/byte-source.ts';
import { readSafetensorsHeader } from '../../../src/format/tensors/safetensors.ts';
import { orderedDict, pickled, type Picklable, type TorchData } from '../files/build-torch.ts';
import type { ZipEnd } from '../files/build-zip.ts';
import { buildTorch } from '../files/build-torch.ts';

const TYPES: Readonly<Record<string, readonly [type: string, bytes: number]>> = {
  F32: ['FloatStorage', 4],
  F16: ['HalfStorage', 2],
  BF16: ['BFloat16Storage', 2],
};

/** Tensors of a safetensors file as torch would save them. */
export interface TorchParts {
  readonly tensors: Map<string, TorchData>;
  readonly storages: Map<string, Uint8Array>;
}

/** Takes a safetensors file apart; only the tensors whose names `isTaken`. */
export async function torchParts(
  safetensors: Uint8Array,
  isTaken: (name: string) => boolean = () => true,
): Promise<TorchParts> {
  const entries = await readSafetensorsHeader(bytesSource('fixture', safetensors));
  const parts: TorchParts = { tensors: new Map(), storages: new Map() };
  for (const { name, dtype, shape, offset, byteLength } of entries.values()) {
    if (!isTaken(name)) continue;
    const storage = String(parts.storages.size);
    const [type, elementBytes] = TYPES[dtype]!;
    parts.tensors.set(name, { storage, type, length: byteLength / elementBytes, shape });
    parts.storages.set(storage, safetensors.slice(offset, offset + byteLength));
  }
  return parts;
}

/** A `pytorch_model.bin` of them. */
export function buildBin({ tensors, storages }: TorchParts, end?: ZipEnd): Uint8Array {
  return buildTorch(pickled(orderedDict(tensors)), storages, end);
}

/** A nanoGPT `ckpt.pt` of them. */
export function buildCkpt(
  { tensors, storages }: TorchParts,
  modelArguments: ReadonlyMap<string, Picklable>,
  training: ReadonlyMap<string, Picklable> = new Map([['out_dir', 'out']]),
): Uint8Array {
  const wrapped = Array.from(tensors, ([name, t]) => [`_orig_mod.${name}`, t] as const);
  const group = new Map<string, Picklable>([
    ['lr', 0.0006],
    ['params', [0, 1]],
  ]);
  const optimizer = new Map<string, Picklable>([
    ['state', new Map<number, Picklable>([[0, new Map([['step', 5]])]])],
    ['param_groups', [group]],
  ]);
  const root = new Map<string, Picklable>([
    ['model', orderedDict(new Map(wrapped))],
    ['optimizer', optimizer],
    ['model_args', modelArguments],
    ['iter_num', 5],
    ['best_val_loss', 3.25],
    ['config', training],
  ]);
  return buildTorch(pickled(root), storages);
}
