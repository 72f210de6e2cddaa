import { invalidCheckpoint, unsupportedCheckpoint } from '../../format/errors.ts';
import { checkNesting } from './pickle-nesting.ts';
import { opcodeName } from './pickle-opcodes.ts';
import { PickleReader } from './pickle-reader.ts';
import { PickleStack } from './pickle-stack.ts';
import { kindOf, PickleDict, PickleGlobal, PickleList, PickleTuple } from './pickle-values.ts';
import type { PickleValue } from './pickle-values.ts';

/** What a pickle may name and call; everything it returns is made by its own code. */
export interface PickleHost {
  /** @throws TpaError for every name that is not on its list */
  global(name: string): PickleGlobal;
  /** @throws TpaError for every callable but its own, and for arguments that do not fit */
  reduce(callable: PickleValue, args: PickleTuple): PickleValue;
  /** @throws TpaError for every id but a tensor's storage */
  persistent(id: PickleValue): PickleValue;
}

const MIN_PROTOCOL = 2;
const MAX_PROTOCOL = 5;

/**
 * Reads a pickle of tensors and plain containers. No name is resolved and nothing is called: what
 * a pickle may ask for is the short list of its `host`. One opcode takes at least one byte, so time
 * and memory are linear in the length of the bytes.
 *
 * @throws TpaError `CHECKPOINT_INVALID` where the bytes are no pickle, `MODEL_UNSUPPORTED` where they
 *   hold or call anything else
 * @example
 * const bytes = Uint8Array.of(0x80, 2, 0x7d, 0x2e); // protocol 2, an empty dict, stop
 * const root = readPickle(bytes, 'data.pkl', new TorchHost('data.pkl'));
 */
export function readPickle(bytes: Uint8Array, subject: string, host: PickleHost): PickleValue {
  const root = new PickleMachine(bytes, subject, host).run();
  checkNesting(subject, root);
  return root;
}

class PickleMachine {
  readonly #in: PickleReader;
  readonly #subject: string;
  readonly #host: PickleHost;
  readonly #stack: PickleStack;
  readonly #memo = new Map<number, PickleValue>();

  constructor(bytes: Uint8Array, subject: string, host: PickleHost) {
    this.#in = new PickleReader(bytes, subject);
    this.#subject = subject;
    this.#host = host;
    this.#stack = new PickleStack(subject);
  }

  run(): PickleValue {
    const first = this.#in.u8();
    const protocol = this.#in.u8();
    if (first !== 0x80 || protocol < MIN_PROTOCOL || protocol > MAX_PROTOCOL) {
      const expected = `a pickle of protocol ${MIN_PROTOCOL} to ${MAX_PROTOCOL}`;
      throw unsupportedCheckpoint(this.#subject, expected, 'another');
    }
    for (;;) {
      const at = this.#in.position;
      const opcode = this.#in.u8();
      if (opcode === 0x2e) break; // STOP
      if (!this.#container(opcode) && !this.#scalar(opcode) && !this.#reference(opcode)) {
        const found = `opcode ${opcodeName(opcode)} at byte ${at}`;
        throw unsupportedCheckpoint(this.#subject, 'tensors and plain containers only', found);
      }
    }
    const root = this.#stack.pop();
    if (this.#stack.size > 0) {
      throw invalidCheckpoint(this.#subject, 'one value', 'more');
    }
    return root;
  }

  /** Does a container's opcode; false for any other. */
  #container(opcode: number): boolean {
    switch (opcode) {
      case 0x28: // MARK
        return this.#stack.mark();
      case 0x7d: // EMPTY_DICT
        return this.#stack.push(new PickleDict(false));
      case 0x5d: // EMPTY_LIST
        return this.#stack.push(new PickleList());
      case 0x29: // EMPTY_TUPLE
        return this.#stack.push(new PickleTuple([]));
      case 0x85: // TUPLE1
      case 0x86: // TUPLE2
      case 0x87: // TUPLE3
        return this.#stack.push(new PickleTuple(this.#stack.popMany(opcode - 0x84)));
      case 0x74: // TUPLE
        return this.#stack.push(new PickleTuple(this.#stack.popMarked()));
      case 0x61: // APPEND
        return this.#append(this.#stack.popMany(1));
      case 0x65: // APPENDS
        return this.#append(this.#stack.popMarked());
      case 0x73: // SETITEM
        return this.#setItems(this.#stack.popMany(2));
      case 0x75: // SETITEMS
        return this.#setItems(this.#stack.popMarked());
      default:
        return false;
    }
  }

  /** Does the opcode of a scalar; false for any other. */
  #scalar(opcode: number): boolean {
    switch (opcode) {
      case 0x4e: // NONE
        return this.#stack.push(null);
      case 0x88: // NEWTRUE
      case 0x89: // NEWFALSE
        return this.#stack.push(opcode === 0x88);
      case 0x4a: // BININT
        return this.#stack.push(this.#in.i32());
      case 0x4b: // BININT1
        return this.#stack.push(this.#in.u8());
      case 0x4d: // BININT2
        return this.#stack.push(this.#in.u16());
      case 0x8a: // LONG1
        return this.#stack.push(this.#in.long(this.#in.u8()));
      case 0x47: // BINFLOAT
        return this.#stack.push(this.#in.f64());
      case 0x8c: // SHORT_BINUNICODE
        return this.#stack.push(this.#in.text(this.#in.u8()));
      case 0x58: // BINUNICODE
        return this.#stack.push(this.#in.text(this.#in.u32()));
      case 0x8d: // BINUNICODE8
        return this.#stack.push(this.#in.text(this.#in.u64()));
      case 0x43: // SHORT_BINBYTES
        return this.#stack.push(this.#in.bytes(this.#in.u8()));
      case 0x42: // BINBYTES
        return this.#stack.push(this.#in.bytes(this.#in.u32()));
      default:
        return false;
    }
  }

  /** Does an opcode of the memo or the host; false for any other. */
  #reference(opcode: number): boolean {
    switch (opcode) {
      case 0x71: // BINPUT
        return this.#put(this.#in.u8());
      case 0x72: // LONG_BINPUT
        return this.#put(this.#in.u32());
      case 0x94: // MEMOIZE
        return this.#put(this.#memo.size);
      case 0x68: // BINGET
        return this.#get(this.#in.u8());
      case 0x6a: // LONG_BINGET
        return this.#get(this.#in.u32());
      case 0x95: // FRAME
        this.#in.u64();
        return true;
      case 0x63: // GLOBAL
        return this.#stack.push(this.#host.global(`${this.#in.line()}.${this.#in.line()}`));
      case 0x93: // STACK_GLOBAL
        return this.#stack.push(
          this.#host.global(
            this.#stack
              .popMany(2)
              .map((part) => this.#text(part))
              .join('.'),
          ),
        );
      case 0x51: // BINPERSID
        return this.#stack.push(this.#host.persistent(this.#stack.pop()));
      case 0x52: // REDUCE
        return this.#reduce();
      case 0x62: // BUILD
        return this.#build();
      default:
        return false;
    }
  }

  #reduce(): boolean {
    const args = this.#stack.pop();
    if (args instanceof PickleTuple)
      return this.#stack.push(this.#host.reduce(this.#stack.pop(), args));
    throw invalidCheckpoint(this.#subject, 'arguments in a tuple', kindOf(args));
  }

  /** A state dict carries its module versions as an attribute: passed over. Nothing else has any. */
  #build(): boolean {
    const state = this.#stack.pop();
    const target = this.#stack.top;
    if (target instanceof PickleDict && target.isOrdered && state instanceof PickleDict)
      return true;
    const found = `opcode ${opcodeName(0x62)} on ${kindOf(target)}`;
    throw unsupportedCheckpoint(this.#subject, 'tensors and plain containers only', found);
  }

  #append(items: readonly PickleValue[]): boolean {
    const list = this.#stack.top;
    if (!(list instanceof PickleList)) {
      throw invalidCheckpoint(this.#subject, 'a list to append to', kindOf(list));
    }
    for (const item of items) list.items.push(item);
    return true;
  }

  #setItems(items: readonly PickleValue[]): boolean {
    const dict = this.#stack.top;
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
    return true;
  }

  #text(value: PickleValue): string {
    if (typeof value === 'string') return value;
    throw invalidCheckpoint(this.#subject, 'a name', kindOf(value));
  }

  #put(key: number): boolean {
    const value = this.#stack.top;
    if (value === undefined) throw invalidCheckpoint(this.#subject, 'a value to remember', 'none');
    this.#memo.set(key, value);
    return true;
  }

  #get(key: number): boolean {
    const value = this.#memo.get(key);
    if (value !== undefined) return this.#stack.push(value);
    throw invalidCheckpoint(this.#subject, 'a value remembered before', 'none');
  }
}
