import { integers, joined } from './bytes.ts';

/** A float32 matrix to be written. */
export interface TorchTensor {
  readonly name: string;
  readonly shape: readonly [rows: number, columns: number];
  readonly values: Float32Array<ArrayBuffer>;
}

/** The pieces of a file of `torch.save`: a zip archive of a pickled dict and one file a tensor. */
export function* torchFile(tensors: readonly TorchTensor[]): Generator<Uint8Array> {
  const items = tensors.map(({ name, shape }, i) => joined(unicode(name), tensor(i, shape)));
  const files: { name: string; bytes: Uint8Array }[] = [
    { name: 'archive/data.pkl', bytes: joined(0x80, 2, '}(', ...items, 'u.') },
    ...tensors.map(({ values }, i) => ({
      name: `archive/data/${i}`,
      bytes: new Uint8Array(values.buffer),
    })),
  ];
  const directory: Uint8Array[] = [];
  let offset = 0;
  for (const { name, bytes } of files) {
    const sizes = integers(4, bytes.length, bytes.length);
    // Stored, no flags, no date and no checksum: none is read.
    const shared = joined(integers(2, 20, 0, 0, 0, 0), integers(4, 0), sizes);
    const local = joined('PK\u0003\u0004', shared, integers(2, name.length, 0), name);
    yield local;
    yield bytes;
    directory.push(
      joined('PK\u0001\u0002', integers(2, 20), shared, integers(2, name.length, 0, 0, 0, 0)),
      joined(integers(4, 0, offset), name),
    );
    offset += local.length + bytes.length;
  }
  const central = joined(...directory);
  yield central;
  const end = joined(integers(2, 0, 0, files.length, files.length), integers(4, central.length));
  yield joined('PK\u0005\u0006', end, integers(4, offset), integers(2, 0));
}

/** The opcodes of a row-major tensor whose elements are in file `key`. */
function tensor(key: number, [rows, columns]: readonly [number, number]): Uint8Array {
  const length = integer(rows * columns);
  const storage = joined('(', unicode('storage'), 'ctorch\nFloatStorage\n', unicode(String(key)));
  return joined(
    'ctorch._utils\n_rebuild_tensor_v2\n(',
    joined(storage, unicode('cpu'), length, 'tQ', integer(0)),
    joined('(', integer(rows), integer(columns), 't(', integer(columns), integer(1), 't'),
    joined(0x89, 'ccollections\nOrderedDict\n)RtR'),
  );
}

function unicode(value: string): Uint8Array {
  return joined('X', integers(4, value.length), value);
}

function integer(value: number): Uint8Array {
  return joined('J', integers(4, value));
}
