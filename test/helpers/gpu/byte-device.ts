import type { TpaErrorCode } from '../../../src/base/errors.ts';
import { GpuDevice } from '../../../src/backend/webgpu/client/device.ts';
import type {
  Feed,
  Reply,
  Request,
  Requests,
  RunRequest,
} from '../../../src/backend/webgpu/protocol.ts';

/** One input of a run as the graph gets it. */
export interface GraphInput {
  readonly type: Feed['type'];
  readonly dims: readonly number[];
  readonly data: Float32Array | Int32Array | BigInt64Array | Uint16Array | Uint8Array;
}

/** What plays the graphs of a {@link ByteDevice}. */
export interface GraphPlayer {
  compile?(graph: string, model: Uint8Array): Promise<void>;
  /** The outputs asked for, by name. */
  run(
    graph: string,
    inputs: ReadonlyMap<string, GraphInput>,
    outputs: readonly string[],
  ): Promise<ReadonlyMap<string, Float32Array>>;
}

/** A worker's device in memory: buffers are bytes, requests are answered in order, later. */
export class ByteDevice {
  readonly buffers = new Map<number, ArrayBuffer>();
  /** What was asked, in order, as the worker gets it. */
  readonly asked: Request[] = [];
  /** Set to refuse requests: a code for those that fail. */
  refuse: (request: Request) => TpaErrorCode | undefined = () => undefined;
  isTerminated = false;
  readonly #player: GraphPlayer;
  readonly #bound = new Map<string, readonly Feed[]>();
  #queue: Promise<void> = Promise.resolve();

  constructor(player: GraphPlayer) {
    this.#player = player;
  }

  /** The device as the main thread sees it. */
  open(): Promise<GpuDevice> {
    return GpuDevice.open(async ({ onReply }) => ({
      post: (request, transfer) => {
        const received = structuredClone(request, { transfer: [...transfer] });
        this.asked.push(received);
        this.#queue = this.#answerAfter(this.#queue, received, onReply);
      },
      keepAlive: () => {},
      terminate: () => {
        this.isTerminated = true;
      },
    }));
  }

  /** The requests of one kind so far. */
  asks<Kind extends keyof Requests>(kind: Kind): Requests[Kind]['ask'][] {
    return this.asked.filter((request) => request.kind === kind).map(({ ask }) => ask as never);
  }

  /** The numbers of a buffer. */
  floats(buffer: number): Float32Array {
    return new Float32Array(this.#bytes(buffer));
  }

  async #answerAfter(
    previous: Promise<void>,
    request: Request,
    onReply: (reply: Reply) => void,
  ): Promise<void> {
    await previous;
    const reply = await this.#answer(request);
    if (!this.isTerminated) onReply(reply);
  }

  async #answer(request: Request): Promise<Reply> {
    const { id } = request;
    const code = this.refuse(request);
    if (code !== undefined) return { id, code, message: `${request.kind} refused` };
    try {
      return { id, answer: await this.#do(request) };
    } catch (error) {
      return { id, code: 'GPU_LOST', message: String(error) };
    }
  }

  async #do({ kind, ask }: Request): Promise<Requests[keyof Requests]['answer']> {
    switch (kind) {
      case 'start':
        throw new RangeError('"start" expected of a real device');
      case 'compile':
        return this.#player.compile?.(ask.graph, ask.model) as undefined;
      case 'bind':
        this.#bound.set(ask.graph, ask.feeds);
        return undefined;
      case 'allocate':
        for (const { buffer, bytes } of ask.buffers) {
          const fresh = new Uint8Array(bytes);
          const old = this.buffers.get(buffer);
          if (old !== undefined) fresh.set(new Uint8Array(old).subarray(0, bytes));
          this.buffers.set(buffer, fresh.buffer);
        }
        return undefined;
      case 'write':
        return this.#write(ask.writes);
      case 'read':
        return ask.parts.map(({ buffer, at, bytes }) => this.#part(buffer, at, bytes));
      case 'free':
        for (const buffer of ask.buffers) this.buffers.delete(buffer);
        return undefined;
      case 'run':
        return this.#run(ask);
    }
  }

  #write(writes: RunRequest['writes']): undefined {
    for (const { buffer, at, data } of writes) {
      if (at % 4 !== 0 || data.byteLength % 4 !== 0) throw new RangeError('half a word');
      const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
      new Uint8Array(this.#bytes(buffer)).set(bytes, at);
    }
  }

  async #run({ graph, feeds, writes, copies, read }: RunRequest): Promise<Float32Array[]> {
    this.#write(writes);
    const all = [...(this.#bound.get(graph) ?? []), ...feeds];
    const inputs = new Map(all.map((feed) => [feed.name, this.#input(feed)]));
    const wanted = [...new Set([...read, ...copies.map(({ output }) => output)])];
    const outputs = await this.#player.run(graph, inputs, wanted);
    for (const { output, from, buffer, at, bytes } of copies) {
      const part = outputs.get(output)!.slice(from / 4, (from + bytes) / 4);
      if (part.byteLength !== bytes) throw new RangeError(`"${output}" is too short`);
      new Float32Array(this.#bytes(buffer)).set(part, at / 4);
    }
    return read.map((name) => outputs.get(name)!.slice());
  }

  #input({ name, type, dims, data, buffer }: Feed): GraphInput {
    if (buffer === undefined) return { type, dims, data: data! };
    const numbers = dims.reduce((product, dim) => product * dim, 1);
    const width = type === 'uint8' ? 1 : type === 'float16' ? 2 : 4;
    const bytes = this.#bytes(buffer);
    if (bytes.byteLength < numbers * width) throw new RangeError(`"${name}": a buffer too short`);
    const content = bytes.slice(0, numbers * width);
    if (type === 'uint8') return { type, dims, data: new Uint8Array(content) };
    return {
      type,
      dims,
      data: type === 'float16' ? new Uint16Array(content) : new Float32Array(content),
    };
  }

  #part(buffer: number, at: number, bytes: number): Float32Array {
    const content = this.#bytes(buffer).slice(at, at + bytes);
    if (content.byteLength !== bytes) throw new RangeError(`buffer ${buffer} is too short`);
    return new Float32Array(content);
  }

  #bytes(buffer: number): ArrayBuffer {
    const bytes = this.buffers.get(buffer);
    if (bytes === undefined) throw new RangeError(`buffer ${buffer} was not allocated`);
    return bytes;
  }
}
