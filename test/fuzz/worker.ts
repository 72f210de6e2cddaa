/** A process that runs one target and tells how far it is, so that a crash or a hang is told too. */
import { writeSync } from 'node:fs';
import { costAlone } from './cost-alone.ts';
import { execute } from './execute.ts';
import type { Order, Report } from './order.ts';
import { TARGETS } from './targets/all.ts';

const REPORT_MS = 500;

const order = JSON.parse(process.argv[2]!) as Order;
const target = TARGETS.find(({ name }) => name === order.target)!;
if (order.isAlone) {
  tell({ cost: await costAlone(target, order.seed) });
} else {
  const begin = performance.now();
  const end = begin + 1000 * (order.seconds ?? Infinity);
  const last = order.seed + (order.runs ?? Infinity);
  const cpu = process.cpuUsage();
  let told = begin;
  const begins = (seed: number): boolean => {
    const now = performance.now();
    if (order.isTraced || now >= told + REPORT_MS) {
      told = now;
      tell({ at: seed });
    }
    return seed < last && now < end;
  };
  const outcome = await execute(target, { ...order, begins });
  const { user, system } = process.cpuUsage(cpu);
  tell({ outcome, cpuSeconds: (user + system) / 1e6 });
}

/** At once: what follows may end the process. */
function tell(report: Report): void {
  writeSync(1, `${JSON.stringify(report)}\n`);
}
