import type { IncomingHttpHeaders } from 'node:http';

export interface FakePull {
  readonly number: number;
  title: string;
  text: string;
  readonly head: string;
  readonly base: string;
  readonly draft: boolean;
  readonly author: string;
  state: 'open' | 'closed' | 'merged';
  commit: string;
}
export interface FakeComment {
  readonly pull: number;
  readonly author: string;
  readonly text: string;
  readonly place?: { readonly path: string; readonly line: number };
  readonly isResolved?: boolean;
}
export interface FakeReview {
  readonly pull: number;
  readonly author: string;
  readonly verdict: 'approved' | 'changes_requested' | 'commented';
  readonly text: string;
}
export interface FakeCheck {
  readonly commit: string;
  readonly name: string;
  readonly status: 'passed' | 'failed' | 'running';
  readonly summary: string;
}
/** The content of a forge. Tests change it as people would on its pages. */
export interface ForgeContent {
  readonly owner: string;
  readonly name: string;
  readonly branches: Set<string>;
  readonly tokens: Map<string, string>;
  readonly pulls: FakePull[];
  readonly comments: FakeComment[];
  readonly reviews: FakeReview[];
  readonly checks: FakeCheck[];
}
export interface FakeRequest {
  readonly method: string;
  /** Below the address of the API. */
  readonly path: string;
  readonly query: URLSearchParams;
  readonly body: Record<string, unknown>;
  readonly login: string;
}
export interface FakeAnswer {
  readonly status: number;
  readonly body: unknown;
  readonly headers?: Readonly<Record<string, string>>;
}
export interface ApiContext {
  readonly content: ForgeContent;
  readonly webUrl: string;
  /** The forge's own examples, from which GitHub's long answers are made. */
  readonly examples: Readonly<Record<string, unknown>>;
}
/** How one kind of forge presents its content. */
export interface FakeApi {
  readonly prefix: string;
  tokenIn(headers: IncomingHttpHeaders): string | undefined;
  answer(request: FakeRequest, context: ApiContext): FakeAnswer;
}
export type ForgeName = 'github' | 'gitlab' | 'gitea';
