// Prometheus's own tool on what Torpor serves and ships: the page of a running Torpor, the alert rules, the scrape configuration.
import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { PLATFORM, Stage } from '../e2e/support/stage.ts';
import { PATIENT } from '../support/eventually.ts';
import { describeWhere, findProgram, requires } from '../support/requirements.ts';
import { TempFolder } from '../support/temp-folder.ts';

const RECIPES = fileURLToPath(new URL('../../recipes/prometheus/', import.meta.url));

function promtool(args: readonly string[], input = '') {
  const { status, stdout, stderr } = spawnSync(findProgram('promtool') ?? 'promtool', args, {
    input,
    encoding: 'utf8',
  });
  return { status, output: `${stdout}${stderr}` };
}

/** One minute of a Torpor, as promtool's unit tests for rules have it. */
const RULE_TESTS = `
rule_files: [rules.yaml]
evaluation_interval: 1m
tests:
  - interval: 1m
    input_series:
      - series: 'torpor_platform_state{job="torpor",platform="vdi-01",state="failed"}'
        values: '0 0 1 1 1'
      - series: 'torpor_wakes_total{job="torpor",platform="vdi-01",outcome="failed",reason="client"}'
        values: '0 0 1 1 1'
      - series: 'torpor_bmc_up{job="torpor",platform="vdi-01"}'
        values: '1 0x30'
      - series: 'torpor_workers{job="torpor",kind="wanted"}'
        values: '2x30'
      - series: 'torpor_workers{job="torpor",kind="running"}'
        values: '2x30'
    alert_rule_test:
      - { eval_time: 1m, alertname: TorporPlatformFailed, exp_alerts: [] }
      - { eval_time: 1m, alertname: TorporWakeFailed, exp_alerts: [] }
      - { eval_time: 5m, alertname: TorporBmcUnreachable, exp_alerts: [] }
      - { eval_time: 20m, alertname: TorporWorkersMissing, exp_alerts: [] }
      - eval_time: 4m
        alertname: TorporPlatformFailed
        exp_alerts:
          - exp_labels: { severity: critical, job: torpor, platform: vdi-01, state: failed }
            exp_annotations:
              summary: "vdi-01 did not sleep or wake as it was asked to"
              description: "torpor explain vdi-01 says why; torpor wake vdi-01 tries again."
      - eval_time: 4m
        alertname: TorporWakeFailed
        exp_alerts:
          - exp_labels: { severity: critical, job: torpor, platform: vdi-01, outcome: failed, reason: client }
            exp_annotations:
              summary: "A wake of vdi-01 failed within the last hour"
              description: "It is not put to sleep again for an hour. torpor release vdi-01 forgives it once the cause is known."
      - eval_time: 20m
        alertname: TorporBmcUnreachable
        exp_alerts:
          - exp_labels: { severity: warning, job: torpor, platform: vdi-01 }
            exp_annotations:
              summary: "The BMC of vdi-01 does not answer"
              description: "Nothing is put to sleep meanwhile; if it sleeps now, a wake may fail."
`;

describeWhere(requires(['promtool']), 'promtool', () => {
  test('check metrics: the page of a Torpor that slept and woke -> no complaint', async () => {
    await using stage = await Stage.open({ power: { watts: { busy: 300, idle: 175, asleep: 8 } } });
    const torpor = await stage.run();
    using client = await stage.connect();
    await client.ask('before');
    await torpor.waitForState(PLATFORM, 'asleep');
    await client.ask('wakes it', 30_000);
    const page = await expect
      .poll(async () => (await fetch(`http://127.0.0.1:${stage.apiPort}/metrics`)).text(), PATIENT)
      .toMatch(/torpor_wake_seconds_count\{platform="vdi-01",part="torpor"\} [1-9]/)
      .then(async () => (await fetch(`http://127.0.0.1:${stage.apiPort}/metrics`)).text());
    expect(page).toMatch(/^torpor_received_bytes_total\{platform="vdi-01"\} [1-9]/m);
    expect(promtool(['check', 'metrics'], page)).toEqual({ status: 0, output: '' });
  });

  test('check rules: the alerts -> read as rules', () => {
    const { status, output } = promtool(['check', 'rules', `${RECIPES}torpor-alerts.yaml`]);
    expect(output).toMatch(/SUCCESS: 10 rules found/);
    expect(status).toBe(0);
  });

  test('test rules: series of a failure -> the alerts that say so, and none before', () => {
    using folder = new TempFolder('promtool');
    writeFileSync(folder.file('rules.yaml'), readFileSync(`${RECIPES}torpor-alerts.yaml`));
    writeFileSync(folder.file('tests.yaml'), RULE_TESTS);
    const { status, output } = promtool(['test', 'rules', folder.file('tests.yaml')]);
    expect(output).toContain('SUCCESS');
    expect(status).toBe(0);
  });

  test('check config: the scrape configuration -> valid', () => {
    const { status, output } = promtool(['check', 'config', `${RECIPES}torpor-scrape.yaml`]);
    expect(status, output).toBe(0);
  });
});
