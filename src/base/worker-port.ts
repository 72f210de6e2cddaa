/** What a worker is started for. */
export type WorkerRole = 'thread' | 'model';

/** What a worker reports. */
export interface WorkerEvents {
  /**
   * It has posted something.
   *
   * @param message as it was cloned or moved
   */
  onMessage(message: unknown): void;
  /**
   * It could not start, threw or exited; called once.
   *
   * @param reason in words
   */
  onDead(reason: string): void;
}

/** A worker as the thread that started it sees it. */
export interface WorkerPort {
  /**
   * Posts to it.
   *
   * @param message what can be cloned
   * @param transfer what of it is moved, default nothing
   */
  post(message: unknown, transfer?: readonly Transferable[]): void;
  /**
   * Keeps the process alive for it (Node), or no more; idle workers never keep a process alive.
   *
   * @param isNeeded whether the process is to stay
   */
  keepAlive(isNeeded: boolean): void;
  /** At once; nothing is heard of it again. Resolves when the thread has stopped, where that can be known. */
  terminate(): Promise<void>;
}

/**
 * Starts a worker, which may be posted to at once. Throws the reason where none may be started.
 *
 * @param role what it is for
 * @param events who hears of it
 */
export type StartWorker = (role: WorkerRole, events: WorkerEvents) => WorkerPort;
