import { STATUS_CODES } from 'node:http';
import { type EgressTarget, formatHostPort } from './target.ts';

export class EgressRefusal {
  readonly status: 400 | 403 | 429 | 431 | 502 | 503 | 504;
  readonly text: string;

  constructor(status: EgressRefusal['status'], text: string) {
    this.status = status;
    this.text = text;
  }

  static of(target: EgressTarget, why: string, advice: string): EgressRefusal {
    return new EgressRefusal(403, `egress to ${formatHostPort(target)} refused: ${why}. ${advice}`);
  }

  static failed(target: EgressTarget, why: string, timedOut: boolean): EgressRefusal {
    return new EgressRefusal(
      timedOut ? 504 : 502,
      `egress to ${formatHostPort(target)} is allowed but failed: ${why}.`,
    );
  }

  /** Tools show only the status line of a refused CONNECT. */
  asHttp(): Uint8Array {
    const body = Buffer.from(`${this.text}\n`);
    const head = [
      `HTTP/1.1 ${this.status} ${this.reason}`,
      'Content-Type: text/plain; charset=utf-8',
      `Content-Length: ${body.length}`,
      'Connection: close',
    ];
    return Buffer.concat([Buffer.from(`${head.join('\r\n')}\r\n\r\n`, 'latin1'), body]);
  }

  get reason(): string {
    const line = this.text.replace(/[^\x20-\x7e]/g, '?').slice(0, 400);
    return line || (STATUS_CODES[this.status] ?? '');
  }

  /** RFC 1928: 2 not allowed by ruleset, 4 host unreachable, 1 general failure. */
  get socksReply(): number {
    if (this.status === 403) return 2;
    return this.status === 502 || this.status === 504 ? 4 : 1;
  }
}
