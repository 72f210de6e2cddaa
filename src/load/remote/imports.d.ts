/** Another file in every runtime: the package's `imports` choose it. */
declare module '#worker' {
  /** Undefined where a runtime has no workers. */
  const startWorker: import('../../base/worker-port.ts').StartWorker | undefined;
  export default startWorker;
}
