/** What an isolate holds besides WebAssembly memory, in bytes. */
export interface Usage {
  /** Objects of V8's heap, garbage among them. */
  readonly used: number;
  /** What V8 has taken from the system for them, the free part too. */
  readonly taken: number;
  /** Array buffers. */
  readonly buffers: number;
}

type Reply = Readonly<Record<string, number>>;

/** Reads an isolate through the inspector of workerd. */
export class Isolate {
  readonly #socket: WebSocket;
  readonly #waiting = new Map<number, (reply: Reply) => void>();
  #last = 0;

  private constructor(socket: WebSocket) {
    this.#socket = socket;
    socket.addEventListener('message', ({ data }) => {
      const { id, result } = JSON.parse(String(data)) as { id: number; result: Reply };
      this.#waiting.get(id)?.(result);
      this.#waiting.delete(id);
    });
  }

  /** @param address of the inspector */
  static async connect(address: string): Promise<Isolate> {
    const targets = (await (await fetch(`${address}/json`)).json()) as [
      { webSocketDebuggerUrl: string },
    ];
    const socket = new WebSocket(targets[0].webSocketDebuggerUrl);
    await new Promise((resolve, reject) => {
      socket.addEventListener('open', resolve);
      socket.addEventListener('error', () => reject(new Error('the inspector does not answer')));
    });
    return new Isolate(socket);
  }

  async usage(): Promise<Usage> {
    const id = ++this.#last;
    const reply = await new Promise<Reply>((resolve) => {
      this.#waiting.set(id, resolve);
      this.#socket.send(JSON.stringify({ id, method: 'Runtime.getHeapUsage' }));
    });
    const { usedSize = 0, totalSize = 0, backingStorageSize = 0 } = reply;
    return { used: usedSize, taken: totalSize, buffers: backingStorageSize };
  }

  /** Reads every few milliseconds until `work` has ended; between two tokens where it computes. */
  async during<T>(work: Promise<T>): Promise<{ result: T; readings: readonly Usage[] }> {
    const readings: Usage[] = [];
    const end = work.then(
      () => true,
      () => true,
    );
    do readings.push(await this.usage());
    while (!(await Promise.race([end, pause()])));
    readings.push(await this.usage());
    return { result: await work, readings };
  }

  close(): void {
    this.#socket.close();
  }
}

async function pause(): Promise<false> {
  await new Promise((resolve) => setTimeout(resolve, 2));
  return false;
}
