import { bytesOf, littleEndian as le } from './bytes.ts';
import { buildZip, type ZipEnd } from './build-zip.ts';

/** A tensor to be pickled. */
export interface TorchData {
  readonly storage: string;
  /** Name of torch's class of its elements, e.g. `FloatStorage`. */
  readonly type: string;
  /** Elements of the storage. */
  readonly length: number;
  readonly shape: readonly number[];
  readonly strides?: readonly number[];
  readonly offset?: number;
  readonly isParameter?: boolean;
}

/** What can be pickled: opcodes as they are, a tensor, or plain values. */
export type Picklable =
  | Uint8Array
  | TorchData
  | string
  | number
  | boolean
  | null
  | readonly Picklable[]
  | ReadonlyMap<string | number, Picklable>;

/** A whole pickle of protocol 2 around one value. */
export function pickled(value: Picklable, protocol = 2): Uint8Array {
  return bytesOf(0x80, protocol, opcodes(value), '.');
}

/** The opcodes that leave a value on the stack. */
export function opcodes(value: Picklable): Uint8Array {
  if (value instanceof Uint8Array) return value;
  if (value === null) return bytesOf('N');
  if (typeof value === 'boolean') return bytesOf(value ? 0x88 : 0x89);
  if (typeof value === 'string') {
    const text = bytesOf(value);
    return bytesOf('X', le(text.length, 4), text);
  }
  if (typeof value === 'number') {
    if (Number.isInteger(value)) return bytesOf(0x8a, 8, le(value, 8));
    return bytesOf('G', new Uint8Array(Float64Array.of(value).buffer).toReversed());
  }
  if (value instanceof Map) {
    const items = Array.from(value as ReadonlyMap<string | number, Picklable>, ([key, item]) =>
      bytesOf(opcodes(key), opcodes(item)),
    );
    return bytesOf('}(', ...items, 'u');
  }
  if (Array.isArray(value))
    return bytesOf('](', ...value.map((item: Picklable) => opcodes(item)), 'e');
  return tensor(value as TorchData);
}

/** A global by its module and name. */
export function globalOf(module: string, name: string): Uint8Array {
  return bytesOf('c', module, '\n', name, '\n');
}

/** A tuple of values. */
export function tuple(...values: readonly Picklable[]): Uint8Array {
  return bytesOf('(', ...values.map(opcodes), 't');
}

/** A call of a global. */
export function call(module: string, name: string, ...args: readonly Picklable[]): Uint8Array {
  return bytesOf(globalOf(module, name), tuple(...args), 'R');
}

/** An OrderedDict with the attribute that state dicts have. */
export function orderedDict(entries: ReadonlyMap<string, Picklable>): Uint8Array {
  const items = Array.from(entries, ([key, item]) => bytesOf(opcodes(key), opcodes(item)));
  const metadata = opcodes(new Map([['_metadata', call('collections', 'OrderedDict')]]));
  return bytesOf(call('collections', 'OrderedDict'), '(', ...items, 'u', metadata, 'b');
}

/** Strides of a row-major tensor. */
export function rowMajor(shape: readonly number[]): number[] {
  return shape.map((_, i) => shape.slice(i + 1).reduce((product, n) => product * n, 1));
}

function tensor({
  storage,
  type,
  length,
  shape,
  strides,
  offset = 0,
  isParameter,
}: TorchData): Uint8Array {
  const id = tuple('storage', globalOf('torch', type), storage, 'cpu', length);
  const built = call(
    ...(['torch._utils', '_rebuild_tensor_v2', bytesOf(id, 'Q'), offset] as const),
    tuple(...shape),
    tuple(...(strides ?? rowMajor(shape))),
    false,
    call('collections', 'OrderedDict'),
  );
  if (!isParameter) return built;
  return call(
    'torch._utils',
    '_rebuild_parameter',
    built,
    true,
    call('collections', 'OrderedDict'),
  );
}

/** A file of `torch.save` around a pickle and its storages. */
export function buildTorch(
  pickle: Uint8Array,
  storages: ReadonlyMap<string, Uint8Array> = new Map(),
  { byteOrder = 'little', ...end }: ZipEnd & { byteOrder?: string | undefined } = {},
): Uint8Array {
  const files = [{ name: 'archive/data.pkl', bytes: pickle }];
  if (byteOrder !== '') files.push({ name: 'archive/byteorder', bytes: bytesOf(byteOrder) });
  for (const [key, bytes] of storages) files.push({ name: `archive/data/${key}`, bytes });
  files.push({ name: 'archive/version', bytes: bytesOf('3\n') });
  return buildZip(files, end);
}
