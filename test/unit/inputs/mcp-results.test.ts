import { expect, test } from 'vitest';
import { ProgramTransport } from '../../../src/agents/mcp/connect.ts';
import { McpConnection } from '../../../src/agents/mcp/connection.ts';
import { createMcpTools } from '../../../src/agents/mcp/tools.ts';
import type { Tool } from '../../../src/agents/tools/tool.ts';
import { toolBench } from '../../support/agents/tools.ts';
import { manualClock } from '../../support/machines/manual-clock.ts';
import { answerTo, fakePrograms, toolServer } from '../../support/sandboxes/fake-programs.ts';

const pixel = 'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8BQDwAEhQGAhKmMIQAAAABJRU5ErkJggg==';
const blocks = (...content: object[]) => ({ content });
const text = (value: unknown, more: object = {}) => blocks({ type: 'text', text: value, ...more });

/** Results that servers send, most of which the protocol's package rejects, and the text that the model reads. */
const rows: Record<string, [result: object, output: string, ok?: boolean]> = {
  'content that is null, with structured content': [{ content: null, structuredContent: { a: 1 } }, '{"a":1}'],
  'structured content that is a list': [{ content: [], structuredContent: [1, 2] }, '[1,2]'],
  'structured content that is a list, with its text': [{ ...text('[1,2]'), structuredContent: [1, 2] }, '[1,2]'],
  'content that is a text': [{ content: 'one' }, 'one'],
  'content that is a block': [{ content: { type: 'text', text: 'one' } }, 'one'],
  'blocks that are texts': [{ content: ['one', 'two'] }, 'one\ntwo'],
  'annotations and _meta that are null': [text('one', { annotations: null, _meta: null }), 'one'],
  'an audience of its own': [text('one', { annotations: { audience: ['robot'], priority: 5 } }), 'one'],
  'a number as text': [text(5), '5'],
  'an object as text': [text({ a: 1 }), '{"a":1}'],
  'null as text': [blocks({ type: 'text', text: null }, { type: 'text', text: 'two' }), '\ntwo'],
  'a block of an unknown kind': [
    blocks({ type: 'text', text: 'one' }, { type: 'video', uri: 'a://b' }),
    'one\n{"type":"video","uri":"a://b"}',
  ],
  'a link without a name': [blocks({ type: 'resource_link', uri: 'file:///x', title: 'X' }), '[X: file:///x]'],
  'a resource without an address': [blocks({ type: 'resource', resource: { text: 'one' } }), '[resource]\none'],
  'a picture without a type': [
    blocks({ type: 'image', data: pixel }),
    expect.stringMatching(/^\[application\/octet-stream, 70 bytes: /),
  ],
  'a picture as a data URL': [
    blocks({ type: 'image', data: `data:image/png;base64,${pixel}`, mimeType: 'image/png' }),
    expect.stringMatching(/^\[image\/png, 70 bytes: .*png\]$/),
  ],
  'a picture whose type is wrong': [
    blocks({ type: 'image', data: pixel, mimeType: 'image/x-picture' }),
    expect.stringMatching(/^\[image\/x-picture, 70 bytes: .*\.png\]$/),
  ],
  ...Object.fromEntries(
    [
      ['audio', 'audio/wav', 'wav'],
      ['audio', 'audio/x-wav', 'wav'],
      ['audio', 'audio/mpeg', 'mp3'],
      ['audio', 'audio/mp3', 'mp3'],
      ['audio', 'audio/ogg; codecs=opus', 'ogg'],
      ['audio', 'audio/flac', 'flac'],
      ['audio', 'audio/L16', 'bin'],
      ['image', 'image/jpg', 'jpg'],
      ['resource', 'application/pdf', 'pdf'],
      ['resource', 'Application/PDF', 'pdf'],
      ['resource', 'text/csv; charset=latin1', 'csv'],
      ['resource', 'application/vnd.openxmlformats-officedocument.spreadsheetml.sheet', 'xlsx'],
      ['resource', '../../etc', 'bin'],
      ['resource', '', 'bin'],
    ].map(([type, mimeType, extension]) => [
      `${type} of ${mimeType}`,
      [
        blocks(type === 'resource' ? { type, resource: { blob: 'AAAA', mimeType } } : { type, data: 'AAAA', mimeType }),
        expect.stringMatching(new RegExp(`: [\\w./-]+/file\\.${extension}\\]$`)),
      ],
    ]),
  ),
  'isError as text': [{ ...text('bad'), isError: 'true' }, 'bad', false],
  'isError: null': [{ ...text('one'), isError: null }, 'one'],
  'the form of the first protocol': [{ toolResult: 'one' }, '{"toolResult":"one"}'],
  'an empty result': [{}, 'The tool returned nothing.'],
};

test.each(Object.entries(rows))('%s', async (_, [result, output, ok = true]) => {
  const listedTool = { name: 'go', inputSchema: { type: 'object', properties: { $q: {} } } };
  const serve = toolServer([listedTool], (message, program) => void program.print(answerTo(message, result)));
  const server = { name: 'odd', command: 'serve', args: [], env: {}, tools: ['*'], timeoutMs: 60_000 };
  const open = () => new ProgramTransport(fakePrograms(serve), { id: 'mcp-odd', argv: ['serve'] });
  const connection = new McpConnection(server, open, manualClock());
  const listed = await connection.tools(AbortSignal.timeout(60_000));
  const [tool] = createMcpTools(connection, listed, () => 'file');
  expect(tool?.restore?.({ _q: 1 })).toEqual({ $q: 1 });
  expect(await toolBench().run(tool as Tool, {})).toMatchObject({ ok, output });
});
