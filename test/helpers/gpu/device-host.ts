import { DeviceHost } from '../../../src/backend/webgpu/worker/device-host.ts';
import type { Reply, Requests, StartOptions } from '../../../src/backend/webgpu/protocol.ts';
import { FakeOnnxRuntime } from './fake-onnxruntime.ts';
import { fakeAdapter, type FakeAdapterOptions, FakeWebGpuDevice, withGpu } from './fake-web-gpu.ts';

/** A host with a device and a runtime that are none. */
export interface HostSetting {
  readonly ort: FakeOnnxRuntime;
  readonly device: FakeWebGpuDevice;
  /** What it told of losses. */
  readonly losses: string[];
  readonly start: (options?: Partial<StartOptions>) => Promise<Reply>;
  readonly ask: <Kind extends keyof Requests>(
    kind: Kind,
    ask: Requests[Kind]['ask'],
  ) => Promise<{ reply: Reply; transfer: ArrayBuffer[] }>;
}

/** What a host finds. */
export interface HostOptions {
  readonly ort?: FakeOnnxRuntime;
  readonly device?: FakeWebGpuDevice;
  readonly adapter?: FakeAdapterOptions;
  readonly requestAdapter?: (options?: GPURequestAdapterOptions) => Promise<GPUAdapter | null>;
}

/** Runs `work` with a host on an adapter as described. */
export function withHost(
  options: HostOptions,
  work: (setting: HostSetting) => Promise<void>,
): Promise<void> {
  const { ort = new FakeOnnxRuntime(), device = new FakeWebGpuDevice() } = options;
  const losses: string[] = [];
  const host = new DeviceHost((reason) => losses.push(reason));
  let id = 0;
  const ask: HostSetting['ask'] = (kind, question) =>
    host.answer({ id: id++, kind, ask: question } as Parameters<DeviceHost['answer']>[0]);
  const start: HostSetting['start'] = async (given = {}) => {
    const all = { allowsSoftware: false, needsHalf: false, module: ort.module, ...given };
    return (await ask('start', all)).reply;
  };
  const requestDevice = async () => device.asDevice();
  const adapter = fakeAdapter({ requestDevice, ...options.adapter });
  const setting = { ort, device, losses, start, ask };
  return withGpu(options.requestAdapter ?? (async () => adapter), () => work(setting));
}

/** Code and message of a reply that is an error. @throws Error if it is none */
export function failureOf(reply: Reply): { code: string; message: string } {
  if ('code' in reply) return reply;
  throw new Error(`expected an error, got ${JSON.stringify(reply)}`);
}

/** What a reply answers. @throws Error if it is an error */
export function answerOf<Kind extends keyof Requests>(
  _kind: Kind,
  reply: Reply,
): Requests[Kind]['answer'] {
  if ('answer' in reply) return reply.answer as Requests[Kind]['answer'];
  throw new Error(`expected an answer, got ${JSON.stringify(reply)}`);
}
