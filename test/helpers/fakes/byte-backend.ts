import type { CpuBackend } from '../../../src/backend/cpu.ts';
import { OrtGpuBackend } from '../../../src/backend/webgpu/gpu-backend.ts';
import type { StartReport } from '../../../src/backend/webgpu/protocol.ts';
import { ByteDevice, type GraphPlayer } from '../gpu/byte-device.ts';

/** What a worker reports of a {@link ByteDevice}. */
export const BYTE_REPORT: StartReport = {
  adapter: 'bytes',
  isSoftware: false,
  version: '1.30.0',
  maxBytes: 2 ** 31,
  hasHalf: true,
};

/** The GPU backend of a model that the CPU has, on a device in memory. */
export async function openByteBackend(
  { network }: CpuBackend,
  player: GraphPlayer,
  { maxBytes = BYTE_REPORT.maxBytes, isHalf = false } = {},
): Promise<{ gpu: OrtGpuBackend; bytes: ByteDevice }> {
  const bytes = new ByteDevice(player);
  const report = { ...BYTE_REPORT, maxBytes };
  return { gpu: await OrtGpuBackend.create(network, await bytes.open(), report, isHalf), bytes };
}
