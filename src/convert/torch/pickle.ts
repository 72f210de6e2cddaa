import { invalidCheckpoint, unsupportedCheckpoint } from '../../format/errors.ts';
import { TorchHost } from './objects.ts';
import { PickleReader } from './pickle-reader.ts';
import {
  checkNesting,
  kindOf,
  PickleDict,
  PickleList,
  PickleTuple,
  type PickleValue,
} from './pickle-values.ts';

const MIN_PROTOCOL = 2;
const MAX_PROTOCOL = 5;

/**
 * Reads a pickle of tensors and plain containers. No name is resolved and nothing is called: what
 * a pickle may ask for is the short list of {@link TorchHost}. One opcode takes at least one byte, so time
 * and memory are linear in the length of the bytes.
 *
 * @throws TpaError `CHECKPOINT_INVALID` where the bytes are no pickle, `MODEL_UNSUPPORTED` where they
 *   hold or call anything else
 * @example
 * const bytes = Uint8Array.of(0x80, 2, 0x7d, 0x2e); // protocol 2, an empty dict, stop
 * const root = readPickle(bytes, 'data.pkl');
 */
export function readPickle(bytes: Uint8Array, subject: string): PickleValue {
  const root = new PickleMachine(bytes, subject).run();
  checkNesting(subject, root);
  return root;
}

const STOP = 0x2e;
const BUILD = 0x62;
const PLAIN = 'tensors and plain containers only';

/** What is done for each opcode. */
const OPCODES: ReadonlyMap<number, (machine: PickleMachine) => void> = new Map([
  [0x28, (m: PickleMachine) => m.mark()], // MARK
  [0x7d, (m) => m.push(new PickleDict(false))], // EMPTY_DICT
  [0x5d, (m) => m.push(new PickleList())], // EMPTY_LIST
  [0x29, (m) => m.push(new PickleTuple([]))], // EMPTY_TUPLE
  [0x85, (m) => m.push(new PickleTuple(m.popMany(1)))], // TUPLE1
  [0x86, (m) => m.push(new PickleTuple(m.popMany(2)))], // TUPLE2
  [0x87, (m) => m.push(new PickleTuple(m.popMany(3)))], // TUPLE3
  [0x74, (m) => m.push(new PickleTuple(m.popMarked()))], // TUPLE
  [0x61, (m) => m.append(m.popMany(1))], // APPEND
  [0x65, (m) => m.append(m.popMarked())], // APPENDS
  [0x73, (m) => m.setItems(m.popMany(2))], // SETITEM
  [0x75, (m) => m.setItems(m.popMarked())], // SETITEMS
  [0x4e, (m) => m.push(null)], // NONE
  [0x88, (m) => m.push(true)], // NEWTRUE
  [0x89, (m) => m.push(false)], // NEWFALSE
  [0x4a, (m) => m.push(m.in.i32())], // BININT
  [0x4b, (m) => m.push(m.in.u8())], // BININT1
  [0x4d, (m) => m.push(m.in.u16())], // BININT2
  [0x8a, (m) => m.push(m.in.long(m.in.u8()))], // LONG1
  [0x47, (m) => m.push(m.in.f64(false))], // BINFLOAT
  [0x8c, (m) => m.push(m.in.string(m.in.u8()))], // SHORT_BINUNICODE
  [0x58, (m) => m.push(m.in.string(m.in.u32()))], // BINUNICODE
  [0x8d, (m) => m.push(m.in.string(m.in.count()))], // BINUNICODE8
  [0x43, (m) => m.push(m.in.bytes(m.in.u8()))], // SHORT_BINBYTES
  [0x42, (m) => m.push(m.in.bytes(m.in.u32()))], // BINBYTES
  [0x71, (m) => m.put(m.in.u8())], // BINPUT
  [0x72, (m) => m.put(m.in.u32())], // LONG_BINPUT
  [0x94, (m) => m.memoize()], // MEMOIZE
  [0x68, (m) => m.get(m.in.u8())], // BINGET
  [0x6a, (m) => m.get(m.in.u32())], // LONG_BINGET
  [0x95, (m) => m.in.count()], // FRAME
  [0x63, (m) => m.global(m.in.line(), m.in.line())], // GLOBAL
  [0x93, (m) => m.global(...m.popMany(2))], // STACK_GLOBAL
  [0x51, (m) => m.push(m.host.persistent(m.pop()))], // BINPERSID
  [0x52, (m) => m.reduce()], // REDUCE
  [BUILD, (m) => m.build()], // BUILD
]);

/** Opcodes that call, build or look up, by the names of Python's pickletools: refused. */
const REFUSED =
  '30 POP, 31 POP_MARK, 32 DUP, 46 FLOAT, 49 INT, 4c LONG, 50 PERSID, 53 STRING, 54 BINSTRING, ' +
  '55 SHORT_BINSTRING, 56 UNICODE, 62 BUILD, 64 DICT, 67 GET, 69 INST, 6c LIST, 6f OBJ, 70 PUT, ' +
  '80 PROTO, 81 NEWOBJ, 82 EXT1, 83 EXT2, 84 EXT4, 8b LONG4, 8e BINBYTES8, 8f EMPTY_SET, ' +
  '90 ADDITEMS, 91 FROZENSET, 92 NEWOBJ_EX, 96 BYTEARRAY8, 97 NEXT_BUFFER, 98 READONLY_BUFFER';

/** An opcode as a message shows it. */
function opcodeName(opcode: number): string {
  const hex = opcode.toString(16).padStart(2, '0');
  const name = REFUSED.split(', ').find((entry) => entry.startsWith(hex));
  return name === undefined ? `0x${hex}` : `${name.slice(3)} (0x${hex})`;
}

/** Values under construction, and the marks between them. */
class PickleMachine {
  readonly in: PickleReader;
  readonly host: TorchHost;
  readonly #subject: string;
  readonly #values: PickleValue[] = [];
  /** Heights at which a mark was set. */
  readonly #marks: number[] = [];
  readonly #memo = new Map<number, PickleValue>();

  constructor(bytes: Uint8Array, subject: string) {
    this.in = new PickleReader(bytes, subject);
    this.host = new TorchHost(subject);
    this.#subject = subject;
  }

  run(): PickleValue {
    const first = this.in.u8();
    const protocol = this.in.u8();
    if (first !== 0x80 || protocol < MIN_PROTOCOL || protocol > MAX_PROTOCOL) {
      const expected = `a pickle of protocol ${MIN_PROTOCOL} to ${MAX_PROTOCOL}`;
      throw unsupportedCheckpoint(this.#subject, expected, 'another');
    }
    for (let opcode = this.in.u8(); opcode !== STOP; opcode = this.in.u8()) {
      const step = OPCODES.get(opcode);
      if (step === undefined) {
        const found = `opcode ${opcodeName(opcode)} at byte ${this.in.position - 1}`;
        throw unsupportedCheckpoint(this.#subject, PLAIN, found);
      }
      step(this);
    }
    const root = this.pop();
    if (this.#values.length + this.#marks.length === 0) return root;
    throw invalidCheckpoint(this.#subject, 'one value', 'more');
  }

  push(value: PickleValue): void {
    this.#values.push(value);
  }

  mark(): void {
    this.#marks.push(this.#values.length);
  }

  pop(): PickleValue {
    return this.popMany(1)[0]!;
  }

  /** @throws TpaError `CHECKPOINT_INVALID` where there are fewer above the last mark */
  popMany(count: number): PickleValue[] {
    if (this.#values.length - count < (this.#marks.at(-1) ?? 0)) {
      throw invalidCheckpoint(this.#subject, `${count} values on the stack`, 'fewer');
    }
    return this.#values.splice(this.#values.length - count);
  }

  /** What was put since the last mark, which goes. @throws TpaError `CHECKPOINT_INVALID` */
  popMarked(): PickleValue[] {
    const mark = this.#marks.pop();
    if (mark !== undefined) return this.#values.splice(mark);
    throw invalidCheckpoint(this.#subject, 'a mark on the stack', 'none');
  }

  append(items: readonly PickleValue[]): void {
    const list = this.#values.at(-1);
    if (!(list instanceof PickleList)) {
      throw invalidCheckpoint(this.#subject, 'a list to append to', kindOf(list));
    }
    for (const item of items) list.items.push(item);
  }

  setItems(items: readonly PickleValue[]): void {
    const dict = this.#values.at(-1);
    if (!(dict instanceof PickleDict) || items.length % 2 !== 0) {
      throw invalidCheckpoint(this.#subject, 'a dict to put pairs in', kindOf(dict));
    }
    for (let i = 0; i < items.length; i += 2) {
      const key = items[i]!;
      if (typeof key !== 'string' && typeof key !== 'number') {
        throw unsupportedCheckpoint(this.#subject, 'dict keys of text or numbers', kindOf(key));
      }
      dict.entries.set(key, items[i + 1]!);
    }
  }

  global(...parts: readonly PickleValue[]): void {
    const other = parts.find((part) => typeof part !== 'string');
    if (other !== undefined) throw invalidCheckpoint(this.#subject, 'a name', kindOf(other));
    this.push(this.host.global(parts.join('.')));
  }

  reduce(): void {
    const args = this.pop();
    if (!(args instanceof PickleTuple)) {
      throw invalidCheckpoint(this.#subject, 'arguments in a tuple', kindOf(args));
    }
    this.push(this.host.reduce(this.pop(), args));
  }

  /** A state dict carries its module versions as an attribute: passed over. Nothing else has any. */
  build(): void {
    const state = this.pop();
    const target = this.#values.at(-1);
    const isPassedOver = target instanceof PickleDict && target.isOrdered;
    if (isPassedOver && state instanceof PickleDict) return;
    const found = `opcode ${opcodeName(BUILD)} on ${kindOf(target)}`;
    throw unsupportedCheckpoint(this.#subject, PLAIN, found);
  }

  memoize(): void {
    this.put(this.#memo.size);
  }

  put(key: number): void {
    const value = this.#values.at(-1);
    if (value === undefined) throw invalidCheckpoint(this.#subject, 'a value to remember', 'none');
    this.#memo.set(key, value);
  }

  get(key: number): void {
    const value = this.#memo.get(key);
    if (value === undefined) {
      throw invalidCheckpoint(this.#subject, 'a value remembered before', 'none');
    }
    this.push(value);
  }
}
