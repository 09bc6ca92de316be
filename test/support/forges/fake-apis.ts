import type {
  ApiContext,
  FakeAnswer,
  FakeApi,
  FakeCheck,
  FakeComment,
  FakePull,
  FakeRequest,
  FakeReview,
  ForgeName,
} from './forge-content.ts';

const missing: FakeAnswer = { status: 404, body: { message: 'Not Found' } };
const at = (index: number) => new Date(Date.UTC(2026, 0, 1, 12, 0, index)).toISOString();

/** One page, with the header by which all three forges announce the next one. */
function page(all: readonly unknown[], { query, path }: FakeRequest, size: string): FakeAnswer {
  const count = Number(query.get(size) ?? 30);
  const number = Number(query.get('page') ?? 1);
  const body = all.slice((number - 1) * count, number * count);
  // The address leads elsewhere: a client that followed it would send the token there.
  const link = `<http://127.0.0.1:1${path}?page=${number + 1}>; rel="next"`;
  return { status: 200, body, headers: number * count < all.length ? { link } : {} };
}
const ofPull = <Item extends { readonly pull: number }>(all: readonly Item[], number: number) =>
  all.map((item, index) => ({ item, index })).filter(({ item }) => item.pull === number);

interface Opening {
  /** The fields of the source's branch, of the target's and of the text. */
  readonly names: readonly [string, string, string];
  readonly taken: FakeAnswer;
  readonly shown: (pull: FakePull) => object;
}
function open({ body, login }: FakeRequest, { content }: ApiContext, { names, taken, shown }: Opening): FakeAnswer {
  const [head, base, text] = names.map((name) => String(body[name] ?? '')) as [string, string, string];
  if (content.pulls.some((pull) => pull.head === head && pull.state === 'open')) return taken;
  if (!content.branches.has(head) || !content.branches.has(base))
    return { status: 422, body: { message: `no branch ${content.branches.has(head) ? base : head}` } };
  const pull: FakePull = {
    number: content.pulls.length + 1,
    title: String(body.title),
    text,
    head,
    base,
    draft: body.draft === true || /^(Draft|WIP): /.test(String(body.title)),
    author: login,
    state: 'open',
    commit: 'a'.repeat(40),
  };
  content.pulls.push(pull);
  return { status: 201, body: shown(pull) };
}

const github: FakeApi = {
  prefix: '/api/v3',
  tokenIn: ({ authorization }) => authorization?.replace(/^Bearer /, ''),
  answer(request, context) {
    const { content, webUrl, examples } = context;
    const { method, path, query } = request;
    const example = <Item>(name: string) => structuredClone(examples[name]) as Item;
    const user = (login: string) => ({ ...example<object>('simple-user'), login });
    const first = <Item>(name: string) => example<Item[]>(name)[0] as Item & object;
    const repo = `/repos/${content.owner}/${content.name}`;
    const withPull = (base: object, pull: FakePull) => {
      const { head, base: into } = base as { head: object; base: object };
      return {
        ...base,
        // GitHub's own example lacks fields that its schema requires of a team.
        requested_teams: [],
        number: pull.number,
        title: pull.title,
        body: pull.text,
        state: pull.state === 'open' ? 'open' : 'closed',
        merged_at: pull.state === 'merged' ? at(1) : null,
        draft: pull.draft,
        user: { ...(base as { user: object }).user, login: pull.author },
        head: { ...head, ref: pull.head, sha: pull.commit },
        base: { ...into, ref: pull.base },
        html_url: `${webUrl}/${content.owner}/${content.name}/pull/${pull.number}`,
      };
    };
    const long = (pull: FakePull) => withPull(example<object>('pull-request'), pull);
    if (!path.startsWith(repo)) return missing;
    const [, what, id, part] = path.slice(repo.length).split('/');
    const number = Number(id);
    if (what === undefined)
      return {
        status: 200,
        body: { ...example<object>('full-repository'), has_discussions: false, default_branch: 'main' },
      };
    if (what === 'pulls' && method === 'POST') {
      const message = 'A pull request already exists for acme:topic.';
      const errors = [{ resource: 'PullRequest', code: 'custom', message }];
      const taken = { status: 422, body: { message: 'Validation Failed', errors } };
      return open(request, context, { names: ['head', 'base', 'body'], taken, shown: long });
    }
    if (what === 'pulls' && id === undefined) {
      const found = content.pulls.filter(({ head }) => query.get('head') === `${content.owner}:${head}`).reverse();
      return page(
        found.map((pull) => withPull(first('pull-request-simple-items'), pull)),
        request,
        'per_page',
      );
    }
    if (what === 'pulls' && part === undefined) {
      const pull = content.pulls.find((one) => one.number === number);
      return pull ? { status: 200, body: long(pull) } : missing;
    }
    const link = `${webUrl}/${content.owner}/${content.name}/pull/${number}`;
    if (part === 'comments') {
      const onLines = what === 'pulls';
      const comments = ofPull(content.comments, number).filter(({ item }) => (item.place !== undefined) === onLines);
      const shown = ({ item, index }: { item: FakeComment; index: number }) => ({
        ...first(onLines ? 'pull-request-review-comment-items' : 'issue-comment-items'),
        id: index + 1,
        user: user(item.author),
        body: item.text,
        created_at: at(index),
        html_url: `${link}#comment-${index + 1}`,
        ...(item.place && { path: item.place.path, line: item.place.line, original_line: item.place.line }),
      });
      return page(comments.map(shown), request, 'per_page');
    }
    if (part === 'reviews') {
      const shown = ({ item, index }: { item: FakeReview; index: number }) => ({
        ...first('pull-request-review-items'),
        id: index + 1,
        user: user(item.author),
        body: item.text,
        state: item.verdict.toUpperCase(),
        html_url: `${link}#review-${index + 1}`,
        submitted_at: at(index),
      });
      const pending = { ...first('pull-request-review-items'), user: user('later'), state: 'PENDING' };
      return page([...ofPull(content.reviews, number).map(shown), pending], request, 'per_page');
    }
    const checks = content.checks.filter(({ commit }) => commit === id);
    if (part === 'check-runs') {
      const { check_runs } = example<{ check_runs: { output: object }[] }>('check-run-paginated');
      const shown = ({ name, status, summary }: FakeCheck) => ({
        ...check_runs[0],
        name,
        status: status === 'running' ? 'in_progress' : 'completed',
        conclusion: status === 'running' ? null : status === 'passed' ? 'success' : 'failure',
        output: { ...check_runs[0]?.output, title: null, summary },
      });
      const answer = page(checks.map(shown), request, 'per_page');
      return { ...answer, body: { total_count: checks.length, check_runs: answer.body } };
    }
    if (part === 'status')
      return { status: 200, body: { ...example<object>('combined-commit-status'), statuses: [], total_count: 0 } };
    return missing;
  },
};

const gitlab: FakeApi = {
  prefix: '/api/v4',
  tokenIn: ({ authorization }) => authorization?.replace(/^Bearer /, ''),
  answer(request, context) {
    const { content, webUrl } = context;
    const { method, path, query } = request;
    const user = (username: string) => ({ id: 7, username });
    const shown = (pull: FakePull) => ({
      iid: pull.number,
      title: pull.title,
      description: pull.text,
      state: pull.state === 'open' ? 'opened' : pull.state,
      draft: pull.draft,
      author: user(pull.author),
      source_branch: pull.head,
      target_branch: pull.base,
      sha: pull.commit,
      web_url: `${webUrl}/${content.owner}/${content.name}/-/merge_requests/${pull.number}`,
      created_at: at(pull.number),
      updated_at: at(pull.number),
    });
    const [, , project, what, id, part, commitPart] = path.split('/');
    if (decodeURIComponent(project ?? '') !== `${content.owner}/${content.name}`) return missing;
    if (what === undefined) return { status: 200, body: { id: 5, default_branch: 'main' } };
    if (what === 'repository' && id === 'commits' && commitPart === undefined) return missing;
    if (what === 'repository') {
      const statuses = { passed: 'success', failed: 'failed', running: 'running' } as const;
      const found = content.checks.filter(({ commit }) => commit === part);
      const answers = found.map(({ name, status, summary }, index) => ({
        name,
        status: statuses[status],
        description: summary,
        target_url: `${webUrl}/jobs/${index + 1}`,
      }));
      return page(answers, request, 'per_page');
    }
    if (method === 'POST') {
      const message = ['Another open merge request already exists for this branch: !1'];
      const names = ['source_branch', 'target_branch', 'description'] as const;
      return open(request, context, { names, taken: { status: 409, body: { message } }, shown });
    }
    if (id === undefined) {
      const found = content.pulls.filter(({ head }) => head === query.get('source_branch')).reverse();
      return page(found.map(shown), request, 'per_page');
    }
    const pull = content.pulls.find(({ number }) => number === Number(id));
    if (!pull) return missing;
    const reviews = ofPull(content.reviews, pull.number).map(({ item, index }) => ({ ...item, index }));
    switch (part) {
      case undefined:
        return { status: 200, body: shown(pull) };
      case 'discussions': {
        const notes = ofPull(content.comments, pull.number).map(({ item, index }) => noteOf(item, index, user));
        const system = { ...noteOf({ pull: 1, author: 'bot', text: 'added 1 commit' }, 900, user), system: true };
        const discussions = [...notes, system].map((note) => ({ id: `d${note.id}`, notes: [note] }));
        return page(discussions, request, 'per_page');
      }
      case 'approvals': {
        const approved = reviews.filter(({ verdict }) => verdict === 'approved');
        const approved_by = approved.map(({ author, index }) => ({ user: user(author), approved_at: at(index) }));
        return { status: 200, body: { approved_by } };
      }
      case 'reviewers': {
        const states = { approved: 'approved', changes_requested: 'requested_changes', commented: 'reviewed' } as const;
        const requested = reviews.map(({ author, verdict }) => ({ user: user(author), state: states[verdict] }));
        return { status: 200, body: [...requested, { user: user('later'), state: 'unreviewed' }] };
      }
      default:
        return missing;
    }
  },
};

function noteOf({ author, text, place, isResolved }: FakeComment, index: number, user: (name: string) => object) {
  return {
    id: index + 1,
    body: text,
    author: user(author),
    created_at: at(index),
    system: false,
    resolved: isResolved ?? false,
    ...(place && { position: { new_path: place.path, new_line: place.line, old_path: place.path, old_line: null } }),
  };
}

const gitea: FakeApi = {
  prefix: '/api/v1',
  tokenIn: ({ authorization }) => authorization?.replace(/^token /, ''),
  answer(request, context) {
    const { content, webUrl } = context;
    const { method, path } = request;
    const full = `${content.owner}/${content.name}`;
    const repository = { id: 5, name: content.name, full_name: full, default_branch: 'main' };
    const user = (login: string) => ({ id: 7, login });
    const shown = (pull: FakePull) => ({
      number: pull.number,
      title: pull.title,
      body: pull.text,
      state: pull.state === 'open' ? 'open' : 'closed',
      merged: pull.state === 'merged',
      draft: pull.draft,
      user: user(pull.author),
      head: { ref: pull.head, sha: pull.commit, repo: repository },
      base: { ref: pull.base, sha: 'b'.repeat(40), repo: repository },
      html_url: `${webUrl}/${full}/pulls/${pull.number}`,
      created_at: at(pull.number),
      updated_at: at(pull.number),
    });
    if (!path.startsWith(`/repos/${full}`)) return missing;
    const [, what, id, part, review] = path.slice(`/repos/${full}`.length).split('/');
    const number = Number(id);
    if (what === undefined) return { status: 200, body: repository };
    if (what === 'pulls' && method === 'POST') {
      const taken = { status: 409, body: { message: 'pull request already exists for these targets', url: webUrl } };
      return open(request, context, { names: ['head', 'base', 'body'], taken, shown });
    }
    if (what === 'pulls' && id === undefined) return page(content.pulls.map(shown), request, 'limit');
    if (what === 'pulls' && part === undefined) {
      const pull = content.pulls.find((one) => one.number === number);
      return pull ? { status: 200, body: shown(pull) } : missing;
    }
    const comments = ofPull(content.comments, number);
    const comment = ({ item, index }: { item: FakeComment; index: number }) => ({
      id: index + 1,
      user: user(item.author),
      body: item.text,
      created_at: at(index),
      updated_at: at(index),
      html_url: `${webUrl}/${full}/pulls/${number}#issuecomment-${index + 1}`,
    });
    if (what === 'issues' && part === 'comments')
      return { status: 200, body: comments.filter(({ item }) => !item.place).map(comment) };
    if (what === 'pulls' && part === 'reviews' && review !== undefined) {
      if (review !== '900') return { status: 200, body: [] };
      const onLines = comments.filter(({ item }) => item.place);
      const lines = onLines.map((one) => ({
        ...comment(one),
        path: one.item.place?.path,
        position: one.item.place?.line,
        original_position: 0,
        ...(one.item.isResolved && { resolver: user('later') }),
      }));
      return { status: 200, body: lines };
    }
    if (what === 'pulls' && part === 'reviews') {
      const states = { approved: 'APPROVED', changes_requested: 'REQUEST_CHANGES', commented: 'COMMENT' } as const;
      const reviewOf = (id: number, author: string, more: object) => ({
        id,
        user: user(author),
        html_url: `${webUrl}/${full}/pulls/${number}#review-${id}`,
        submitted_at: at(id),
        ...more,
      });
      const found = ofPull(content.reviews, number).map(({ item, index }) =>
        reviewOf(index + 1, item.author, { body: item.text, state: states[item.verdict], comments_count: 0 }),
      );
      // Gitea keeps remarks on lines in a review of their author.
      const comments_count = comments.filter(({ item }) => item.place).length;
      const ofLines = reviewOf(900, 'later', { body: '', state: 'REQUEST_REVIEW', comments_count });
      return page([...found, ofLines], request, 'limit');
    }
    if (what === 'commits') {
      const statuses = { passed: 'success', failed: 'failure', running: 'pending' } as const;
      const found = content.checks.filter(({ commit }) => commit === id);
      const answers = found.map(({ name, status, summary }, index) => ({
        context: name,
        status: statuses[status],
        description: summary,
        target_url: `${webUrl}/jobs/${index + 1}`,
      }));
      return { status: 200, body: { statuses: answers } };
    }
    return missing;
  },
};

export const fakeApis = { github, gitlab, gitea } satisfies Record<ForgeName, FakeApi>;
