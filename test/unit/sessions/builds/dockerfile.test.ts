import { describe, expect, test } from 'vitest';
import { parseDockerfile } from '../../../../src/sessions/builds/dockerfile.ts';

const envStep = (...pairs: [string, string][]) => ({ type: 'ENV', pairs, isOpen: true });
/** The steps after those with which each Dockerfile begins. */
const stepsOf = (text: string, args?: Record<string, string>) =>
  parseDockerfile(`FROM corral/sandbox\n${text}`, args).steps.slice(2);

test('a Dockerfile becomes steps in its order, which begin as root in the root folder', () => {
  const { base, steps, notes } = parseDockerfile(
    'FROM corral/sandbox AS tools\nENV A=1 B="two words"\nWORKDIR /app\nCOPY --chown=user --chmod=0644 a.txt b/\nRUN make\nUSER user\nCMD ["x"]\n',
  );
  expect(base).toBe('corral/sandbox');
  expect(steps).toEqual([
    { type: 'USER', user: 'root' },
    { type: 'WORKDIR', path: '/' },
    envStep(['A', '1'], ['B', 'two words']),
    { type: 'WORKDIR', path: '/app' },
    { type: 'COPY', from: 'a.txt', to: 'b/', files: '', user: 'user', mode: '0644' },
    { type: 'RUN', command: 'make' },
    { type: 'USER', user: 'user' },
  ]);
  expect(notes).toEqual([expect.stringMatching(/Line 7: CMD is not used/)]);
});

test('continued lines, comments between them, heredocs and the form of lists are commands', () => {
  const steps = stepsOf(
    'RUN a && \\\n# a comment\n\n  b\nRUN <<END\none\ntwo\nEND\nRUN ["printf", "it\'s"]\nRUN cat <<X > f\nX1\nX\n',
  );
  const commands = ['a &&   b', 'one\ntwo', expect.stringMatching(/^'?printf'? 'it'\\''s'$/), 'cat <<X > f\nX1\nX'];
  expect(steps).toEqual(commands.map((command) => ({ type: 'RUN', command })));
});

test('ARGs have the passed values, are variables of each RUN, and end where ENV sets the same name', () => {
  const text = 'ARG V=1\nARG W\nRUN a\nENV V=$V-x\nRUN b\n';
  const vars = { V: '2', W: 'w' };
  expect(stepsOf(text, vars)).toEqual([
    { type: 'RUN', command: 'a', vars: Object.entries(vars) },
    envStep(['V', '2-x']),
    { type: 'RUN', command: 'b', vars: [['W', 'w']] },
  ]);
  expect(() => stepsOf(text, { X: '1' })).toThrow(/no ARG X/);
});

test('the values of ARG and ENV are text: a dollar sign in one names no variable of the image', () => {
  const [, env] = stepsOf('ARG V\nRUN a\nENV V=$V\n', { V: '${HOME} $$ $(id)' });
  expect(env).toEqual(envStep(['V', '$${HOME} $$$$ $$(id)']));
});

test.each([
  ['${V:-other}', 'ARG V', 'other'],
  ['${V:+other}', 'ARG V=1', 'other'],
  ['${V-x}', 'ARG V=', ''],
  ["'$V'", 'ARG V=1', '$V'],
  ['\\$V', 'ARG V=1', '$V'],
  ['"$V"s', 'ARG V=1', '1s'],
])('the word %s after %s is %s', (word, before, expected) => {
  const copy = stepsOf(`${before}\nUSER root\nCOPY a x${word}\n`).find(({ type }) => type === 'COPY');
  expect(copy).toMatchObject({ to: `x${expected}` });
});

describe('refused with the number of the line', () => {
  test.each([
    ['ADD http://x /y', /Line 2 .* not support ADD/],
    ['FROM other', /single build stage/],
    ['COPY --from=0 a b', /files of the build/],
    ['COPY ../a b', /outside of/],
    ['COPY a', /has the form/],
    ['COPY a b c', /requires a folder/],
    ['RUN --mount=type=bind,source=/ x', /type=cache/],
    ['RUN --network=host x', /not support RUN --network/],
    ['RUN --security=insecure x', /not support RUN --security/],
    ['RUN', /no command/],
    ['RUN <<END\nx', /<<END does not end/],
    ['ENV LD_PRELOAD=/x', /belongs to the sandbox/],
    ['ARG HTTPS_PROXY=http://x\nRUN y', /belongs to the sandbox/],
    ['USER 0:999', /no user/],
    ['USER $NOBODY', /nothing sets the variable NOBODY/],
    ['COPY a "b', /is not closed/],
    ['COPY a ${V!x}', /nothing else/],
    ['BOGUS x', /not support BOGUS/],
    ['--x', /no instruction/],
  ])('%s', (text, expected) => expect(() => stepsOf(text)).toThrow(expected));

  test('nothing before FROM but ARG, and nothing without FROM', () => {
    expect(() => parseDockerfile('RUN x')).toThrow(/must come after FROM/);
    expect(() => parseDockerfile('# nothing')).toThrow(/no FROM/);
    expect(parseDockerfile('ARG B=corral/sandbox\nFROM $B\n').base).toBe('corral/sandbox');
  });

  test('values that double with each line end before they are long', () => {
    const doubling = Array.from({ length: 60 }, () => 'ENV A=$A$A').join('\n');
    expect(() => stepsOf(`ENV A=0123456789\n${doubling}\n`)).toThrow(/too long|longer than/);
    const nested = `${'${A:-'.repeat(50)}x${'}'.repeat(50)}`;
    expect(() => stepsOf(`COPY a ${nested}\n`)).toThrow(/nested too deep/);
  });
});
