import { expect, test } from 'vitest';
import { type EngineInfo, listEngineWeaknesses } from '../../../drivers/docker/weaknesses.ts';

const sound: EngineInfo = {
  engine: '28.2.2',
  runc: '1.3.4',
  security: ['name=apparmor', 'name=seccomp,profile=builtin', 'name=cgroupns'],
  runtimes: ['io.containerd.runc.v2', 'runc', 'runsc'],
};
const found = (facts: Partial<EngineInfo>, expected?: string) =>
  listEngineWeaknesses({ ...sound, ...facts }, expected).join('\n');

test('an engine without known vulnerabilities has no weaknesses', () => {
  expect([found({}), found({}, 'runsc')]).toEqual(['', '']);
});

test.each(['20.10.24+dfsg1', '24.0.9', '25.0.4', '26.0.0-rc1'])('the engine %s is reported as vulnerable', (engine) =>
  expect(found({ engine })).toBe(
    `The Docker engine ${engine} has known vulnerabilities that let code leave a container, unless your distribution has ` +
      'fixed them. Update to 25.0.5 or later.',
  ),
);
test.each(['25.0.5', '25.0.6', '26.0.0', '26.1.4', '27.0.0', '30.0.0', 'dev'])('the engine %s is not', (engine) =>
  expect(found({ engine })).toBe(''),
);

test.each(['1.1.5+ds1', '1.2.7', '1.3.0', '1.3.2', '1.4.0-rc.2', '0.1'])(
  'runc %s is reported as vulnerable',
  (runc) => {
    expect(found({ runc })).toMatch(/^runc .* has known vulnerabilities.* 1\.2\.8 or later\.$/);
    expect(found({ runc }, 'runc')).toBe(found({ runc }));
    expect(found({ runc }, 'runsc')).toBe(''); // runc does not run the containers
  },
);
test.each(['1.2.8', '1.2.9', '1.3.3', '1.4.0', '1.5.0', '2.0.0', undefined])('runc %s is not', (runc) =>
  expect(found({ runc })).toBe(''),
);

test.each([[[]], [['name=apparmor']], [['name=seccomp,profile=unconfined']]])(
  'an engine with %j does not filter system calls',
  (security) => expect(found({ security })).toContain('does not filter system calls'),
);

test('a runtime that the engine does not have is named, with those that it has', () =>
  expect(found({}, 'kata')).toBe(
    'The Docker engine has no runtime kata (CORRAL_DOCKER_RUNTIME), so nothing will start; it has runc, runsc.',
  ));
