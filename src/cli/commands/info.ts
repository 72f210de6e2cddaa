import { command } from '../arguments.ts';
import { EXIT_CODE } from '../exit.ts';
import { measureSpeed, type Speed } from '../measure-speed.ts';
import { MODEL_OPTIONS, openModel } from '../open-model.ts';
import { describeFit, fitRows } from '../report/fit.ts';
import { describeModel, renderModel } from '../report/model-report.ts';
import { count, decimals, renderTable, type Row } from '../report/table.ts';
import { print } from '../terminal/output.ts';

const SPEC = {
  name: 'info',
  about: 'Show whether a model fits and how fast it is; then its sizes and what computes it.',
  options: MODEL_OPTIONS,
  notes: [
    'The cache is compared with multi-head attention (MHA) of as many heads, and with the MHA model\n' +
      'of as many parameters where the TPA paper has trained one.',
  ],
};

/** `tpa info`. */
export const infoCommand = command(SPEC, async ({ values }, host) => {
  const opened = await openModel(values, host);
  using model = opened.model;
  const report = describeModel(model, opened.path);
  const speed = await measureSpeed(model, host.signal);
  // After the tokens: they make room that every later one uses.
  const fit = describeFit(model.config, report, model.memory(), process.availableMemory());
  if (values.json) {
    print(host.stdout, `${JSON.stringify({ ...report, fit, speed: speed ?? null })}\n`);
  } else {
    const answers = renderTable([...fitRows(fit, model.config), speedRow(speed)]);
    print(host.stdout, `${answers}\n${renderModel(report)}`);
  }
  return EXIT_CODE.ok;
});

function speedRow(speed: Speed | undefined): Row {
  if (speed === undefined) return ['writes', 'not measured: no second token could be computed'];
  const { tokens, tokensPerSecond } = speed;
  const how = `measured over ${count(tokens)} at an empty context`;
  return ['writes', `${decimals(tokensPerSecond)} tokens a second, ${how}`];
}
