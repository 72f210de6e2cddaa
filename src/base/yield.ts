/** What a runtime may offer for queueing a macrotask. */
export interface TaskScope {
  readonly setImmediate?: (task: () => void) => unknown;
  readonly MessageChannel?: new () => MessageChannel;
  readonly setTimeout: (task: () => void, milliseconds: number) => unknown;
}

/**
 * Lets timers, signals and other requests run between two tokens. `setImmediate` where there is
 * one, else a message to ourselves (browsers delay nested timeouts by 4 ms), else a timeout.
 */
export function yieldMacrotask(scope: TaskScope = globalThis): Promise<void> {
  return new Promise((resolve) => {
    if (scope.setImmediate !== undefined) {
      scope.setImmediate(resolve);
    } else if (scope.MessageChannel !== undefined) {
      const { port1, port2 } = new scope.MessageChannel();
      port1.addEventListener('message', () => {
        port1.close();
        resolve();
      });
      port1.start();
      port2.postMessage(undefined);
    } else {
      scope.setTimeout(resolve, 0);
    }
  });
}
