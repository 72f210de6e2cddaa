/** What a worker is started for. */
export type WorkerRole = 'thread' | 'model';

/** What a worker reports. */
export interface WorkerEvents {
  onMessage(message: unknown): void;
  /** It could not start, threw or exited; called once. */
  onDead(reason: string): void;
}

/** A worker as the thread that started it sees it. */
export interface WorkerPort {
  post(message: unknown, transfer?: readonly Transferable[]): void;
  /** Whether the process is to stay alive for it (Node); idle workers never keep a process alive. */
  keepAlive(isNeeded: boolean): void;
  /** At once; nothing is heard of it again. Resolves when the thread has stopped, where that can be known. */
  terminate(): Promise<void>;
}

/** Starts a worker, which may be posted to at once. Throws the reason where none may be started. */
export type StartWorker = (role: WorkerRole, events: WorkerEvents) => WorkerPort;
