import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { writeFileSync } from 'node:fs';
import { NamespaceVm } from './support/namespace-vm.ts';
import { OpenSsh } from './support/openssh.ts';
import { PLATFORM, Stage } from './support/stage.ts';
test('x', async () => {
  using vm = new NamespaceVm();
  await using stage = await Stage.open();
  vm.follow(stage.platform.host);
  const t = (phase: string, at: number) => console.log(`${at} HOST ${phase}`);
  const openSsh = await OpenSsh.start(stage.folder, vm);
  stage.configure({ idleTimeout: '1s', vms: [{ name: 'alice', listenPort: stage.listenPort, target: openSsh.target, protocol: 'ssh', probe: { kind: 'banner', expect: 'SSH-' } }] });
  const torpor = await stage.run();
  await torpor.waitForState(PLATFORM, 'awake');
  const f = stage.folder.file('f');
  writeFileSync(f, 'x'.repeat(1000));
  let fails = 0;
  for (let i = 0; i < 40; i += 1) {
    const last = (await torpor.events()).at(-1)?.id ?? 0;
    const from = stage.changes.length;
    const state = (await torpor.platform(PLATFORM)).state;
    try {
      await openSsh.copy(stage.listenPort, f, stage.folder.file(`o${i}`), 'to');
    } catch (e) {
      fails += 1;
      console.log(`round ${i} (state ${state}) at ${Date.now()}: ${e}\n` + (await torpor.events()).filter((x) => x.id > last - 6).map((x) => `${x.atMs} ${x.kind} ${x.message}`).join('\n'));
      for (const c of stage.changes.slice(from)) t(c.phase, c.atMs);
    }
    await sleep(900 + (i % 20) * 60);
  }
  expect(fails).toBe(0);
}, 300000);
