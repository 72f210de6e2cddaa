import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { readPickle } from '../../../src/convert/torch/pickle.ts';
import { PickleDict, PickleList, PickleTuple } from '../../../src/convert/torch/pickle-values.ts';
import { TorchTensor } from '../../../src/convert/torch/objects.ts';
import {
  call,
  globalOf,
  opcodes,
  orderedDict,
  type Picklable,
  pickled,
  tuple,
} from '../../helpers/files/build-torch.ts';
import { bytesOf, littleEndian as le } from '../../helpers/files/bytes.ts';
import { CANARY, eachRefused, refused } from '../../helpers/checks/refused.ts';

const read = (bytes: Uint8Array) => readPickle(bytes, 'data.pkl');
/** A pickle of these opcodes. */
const program = (...parts: readonly (number | string | Uint8Array)[]) =>
  bytesOf(0x80, 2, ...parts, '.');

const test = suite('readPickle()');

test('reads scalars: None, booleans, integers of every width, floats, text, bytes', () => {
  const scalars: readonly [Uint8Array, unknown][] = [
    [bytesOf('N'), null],
    [bytesOf(0x88), true],
    [bytesOf(0x89), false],
    [bytesOf('J', le(-5, 4)), -5],
    [bytesOf('K', 255), 255],
    [bytesOf('M', le(65_535, 2)), 65_535],
    [bytesOf(0x8a, 0), 0],
    [bytesOf(0x8a, 2, 0xff, 0x7f), 32_767],
    [bytesOf(0x8a, 1, 0xff), -1],
    [bytesOf(0x8a, 8, le(2 ** 53 - 1, 8)), 2 ** 53 - 1],
    [bytesOf(0x8a, 9, le(12, 8), 0), 12],
    [opcodes(-0.375), -0.375],
    [opcodes('größe \u{1f600}'), 'größe \u{1f600}'],
    [bytesOf(0x8c, 2, 'ab'), 'ab'],
    [bytesOf(0x8d, le(2, 8), 'ab'), 'ab'],
    [bytesOf('C', 2, 1, 2), Uint8Array.of(1, 2)],
    [bytesOf('B', le(2, 4), 1, 2), Uint8Array.of(1, 2)],
  ];
  for (const [code, expected] of scalars) assert.equal(read(program(code)), expected);
});

test('reads containers, frames and the memo', () => {
  // {'a': [1, 2, 3], 'b': (None,), 'c': the same list}
  const list = bytesOf(']', 0x94, '(', opcodes(1), opcodes(2), 'e', opcodes(3), 'a', 'q', 9);
  const first = bytesOf(0x95, le(40, 8), '}', opcodes('a'), list, 's');
  const second = bytesOf('(', opcodes('b'), 'N', 0x85, opcodes('c'), 'h', 0, 'u');
  const root = read(program(first, second, opcodes('d'), 'j', le(9, 4), 's'));
  assert.instance(root, PickleDict);
  const { entries } = root as PickleDict;
  assert.equal((entries.get('a') as PickleList).items, [1, 2, 3]);
  assert.equal((entries.get('b') as PickleTuple).items, [null]);
  assert.is(entries.get('c'), entries.get('a'));
  assert.is(entries.get('d'), entries.get('a'));
});

test('reads protocols 2 to 5 and no other', async () => {
  for (const protocol of [2, 3, 4, 5]) assert.is(read(pickled(7, protocol)), 7);
  await eachRefused((protocol) => read(pickled(7, protocol)), 'MODEL_UNSUPPORTED', [0, 1, 6, 255]);
});

test('makes tensors and ordered dicts, their attributes dropped; names also from the stack', () => {
  const tensor = { storage: '0', type: 'HalfStorage', length: 8, shape: [2, 3], offset: 1 };
  const root = read(pickled(orderedDict(new Map([['w', { ...tensor, isParameter: true }]]))));
  const found = (root as PickleDict).entries.get('w') as TorchTensor;
  assert.instance(found, TorchTensor);
  const { shape, strides, offset, storage } = found;
  assert.equal([shape, strides, offset], [[2, 3], [3, 1], 1]);
  assert.equal(
    [storage.key, storage.dtype, storage.elementBytes, storage.length],
    ['0', 'F16', 2, 8],
  );
  const named = bytesOf(opcodes('collections'), opcodes('OrderedDict'), 0x93, ')R');
  assert.instance(read(program(named)), PickleDict);
  assert.equal((read(pickled(call('torch', 'Size', tuple(2, 3)))) as PickleTuple).items, [2, 3]);
});

const GOOD = { storage: '0', type: 'FloatStorage', length: 4, shape: [2, 2] };
const WHOLE = pickled(orderedDict(new Map([['w', GOOD]])));
const SYSTEM = globalOf('os', 'system');
const FLOATS = globalOf('torch', 'FloatStorage');
const ARGUMENTS = tuple(CANARY);
const storageId = (...id: readonly Picklable[]) => program(tuple(...id), 'Q');
const nested = (depth: number) => program(']'.repeat(depth), 'a'.repeat(depth - 1));

/** Sound pickles of more than tensors and plain containers. */
const UNSUPPORTED: Readonly<Record<string, Uint8Array>> = {
  'GLOBAL os.system': program(SYSTEM),
  'GLOBAL builtins.eval': program(globalOf('builtins', 'eval')),
  'GLOBAL torch.load': program(globalOf('torch', 'load')),
  'a foreign class': program(globalOf('numpy.core.multiarray', 'scalar')),
  'a name that joins to a known one': program(globalOf('collections.OrderedDict', '')),
  'STACK_GLOBAL os.system': program(opcodes('os'), opcodes('system'), 0x93),
  'REDUCE of os.system': program(SYSTEM, ARGUMENTS, 'R'),
  'REDUCE of a storage class': program(FLOATS, ARGUMENTS, 'R'),
  'REDUCE of text': program(opcodes('eval'), ARGUMENTS, 'R'),
  'BUILD on a dict': program('}', '}', 'b'),
  'BUILD on a list': program(']', '}', 'b'),
  'BUILD with a tuple': program(call('collections', 'OrderedDict'), ')b'),
  INST: program('(ios\nsystem\n'),
  OBJ: program('(', opcodes('x'), 'o'),
  NEWOBJ: program(globalOf('collections', 'OrderedDict'), ')', 0x81),
  NEWOBJ_EX: program(globalOf('collections', 'OrderedDict'), ')}', 0x92),
  EXT1: program(0x82, 1),
  PERSID: program('P0\n'),
  DUP: program('N2'),
  NEXT_BUFFER: program(0x97),
  BYTEARRAY8: program(0x96, le(0, 8)),
  EMPTY_SET: program(0x8f),
  'an unknown opcode': program(0xff),
  'a second PROTO': program(0x80, 2, 'N'),
  'a tuple as a key': program('})Ns'),
};
/** Bytes that are no pickle, or hold no tensors where there must be some. */
const INVALID: Readonly<Record<string, Uint8Array>> = {
  'STACK_GLOBAL of numbers': program(opcodes(1), opcodes(2), 0x93),
  'REDUCE without a tuple': program(globalOf('collections', 'OrderedDict'), 'N', 'R'),
  'OrderedDict of items': pickled(call('collections', 'OrderedDict', [CANARY])),
  'a parameter of text': pickled(call('torch._utils', '_rebuild_parameter', CANARY)),
  'a size of text': pickled(call('torch', 'Size', CANARY)),
  'a tensor of text': pickled(call('torch._utils', '_rebuild_tensor_v2', CANARY)),
  'a list in itself': program(']q', 0, 'h', 0, 'a'),
  'a dict in itself': program('}q', 0, opcodes('k'), 'h', 0, 's'),
  'a list in a tuple in itself': program(']q', 0, 'h', 0, 0x85, 'a'),
  '65 levels': nested(65),
  '100,000 levels': nested(100_000),
  'text longer than the file': program('X', le(2 ** 31, 4)),
  'text of 2^63 bytes': program(0x8d, le(2n ** 63n, 8)),
  'bytes longer than the file': program('B', le(0xffffffff, 4)),
  'a frame longer than the file': program(0x95, le(2n ** 53n, 8), 'N'),
  'text that is no UTF-8': program('X', le(1, 4), 0xff),
  'an integer of 2^53': program(0x8a, 8, le(2n ** 53n, 8)),
  'an integer of 200 bytes': program(0x8a, 200, new Uint8Array(200)),
  'a name of 1000 bytes': program(globalOf('x'.repeat(1000), 'y')),
  'a memo that was never set': program('h', 3),
  'a memo of nothing': program('q', 0),
  'an empty stack': program(''),
  'two values': program('NN'),
  'a mark left over': program('(N'),
  'values below a mark': program('N(', 0x85),
  'a mark that is missing': program('Nt'),
  'APPEND to a tuple': program(')', 'N', 'a'),
  'SETITEMS of an odd number': program('}(', opcodes('k'), 'u'),
  'SETITEM on a list': program(']', opcodes('k'), 'N', 's'),
  'a storage of another kind': storageId('module', FLOATS, '0', 'cpu', 1),
  'a storage of no class': storageId('storage', CANARY, '0', 'cpu', 1),
  'a storage of -1 elements': storageId('storage', FLOATS, '0', 'cpu', -1),
  'a storage id that is text': program(opcodes(CANARY), 'Q'),
};

for (const [code, pickles] of [
  ['MODEL_UNSUPPORTED', UNSUPPORTED],
  ['CHECKPOINT_INVALID', INVALID],
] as const) {
  for (const [label, bytes] of Object.entries(pickles)) {
    test(`refuses ${label}: ${code}`, async () => {
      await refused(() => read(bytes), code, label, /^data\.pkl expected .*, found /);
    });
  }
}

test('says what is wrong with containers and stack', async () => {
  const cyclic = await refused(() => read(program(']q', 0, 'h', 0, 'a')), 'CHECKPOINT_INVALID');
  assert.match(cyclic.message, /found one inside itself$/);
  const stolen = await refused(() => read(program('N(', 0x85, 't')), 'CHECKPOINT_INVALID');
  assert.match(stolen.message, /expected 1 values on the stack/);
});

test('names what it refuses', async () => {
  const named = await refused(() => read(program(SYSTEM, ARGUMENTS, 'R')), 'MODEL_UNSUPPORTED');
  assert.match(named.message, /the name "os\.system"$/);
  const opcode = await refused(() => read(program('(ios\nsystem\n')), 'MODEL_UNSUPPORTED');
  assert.match(opcode.message, /opcode INST \(0x69\) at byte 3$/);
});

test('refuses a tensor with bad counts', async () => {
  const bad = [
    { ...GOOD, shape: [2, -2] },
    { ...GOOD, shape: [2, 0.5] },
    { ...GOOD, offset: -1 },
    { ...GOOD, strides: [1] },
    { ...GOOD, shape: Array.from({ length: 9 }, () => 1) },
  ];
  assert.instance(read(pickled(GOOD)), TorchTensor);
  await eachRefused((tensor) => read(pickled(tensor)), 'CHECKPOINT_INVALID', bad);
});

test('is linear: 60 lists, each twice in the next, are visited once each', () => {
  // 2^60 paths: visited path by path, the test would not end.
  const levels = Array.from({ length: 60 }, (_, i) => bytesOf('](h', i, 'h', i, 'eq', i + 1));
  const root = program('](', ']q', 0, ...levels, 'e');
  assert.instance(read(root), PickleList);
});

test('refuses a pickle cut at any byte', async () => {
  for (let length = 0; length < WHOLE.length; length++) {
    await refused(() => read(WHOLE.subarray(0, length)), 'CHECKPOINT_INVALID', `${length} bytes`);
  }
});

test('any byte changed is read or refused by a TpaError', async () => {
  let refusals = 0;
  for (let at = 0; at < WHOLE.length; at++) {
    for (let bit = 0; bit < 8; bit++) {
      const changed = Uint8Array.from(WHOLE);
      changed[at]! ^= 1 << bit;
      try {
        read(changed);
      } catch (error) {
        await refused(
          () => Promise.reject(error),
          ['CHECKPOINT_INVALID', 'MODEL_UNSUPPORTED'],
          `byte ${at}, bit ${bit}`,
        );
        refusals++;
      }
    }
  }
  assert.ok(refusals > 1000, `${refusals} refusals`);
});

test.run();
