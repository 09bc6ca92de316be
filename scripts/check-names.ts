// `node scripts/check-names.ts [files…]`: refuses names of types and exported values that say too little or are not the
// glossary's word (docs/concepts.md). Prints file:line, the name and the broken rule.
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';

const words = (text: string) => new Set(text.trim().split(/\s+/));

/** Participles, pronouns and words of place, which do not describe a type. */
const vagueTypes = words(`
  About Accepted Acting After Again Announced Answered Answering Armed Around Arrived Asked Asking At Attached Attempted
  Awaited Begun Beside Both Bound Broken Called Calling Captured Changed Choosing Circumstances Claimed Collected Common
  Compared Connected Copied Counted Covers Cut Decided Described Documented Doing Door Edited Elsewhere Ended Ending
  Exceeded Fetched Filled Fit Followed Following Forking Forwarded Found Given Gone Habits Hand Hear Heard Held Hold How
  Identified InForce Inside It Joined Judged Keep Kept Known Lanes Launched Lean Left Lender Line Linked Listed Listening
  Located Look Looking Made Make Making Marked Measured Mind Mishap Named Narrow Need News Noise Numbered Of Offered Open
  Opened Outside Own Owned Packed Packing Parsed Part Parts Passing Piped Place Placed Places Power Published Put Puts Ran
  Reached Read Reading Reaping Received Recorded Recovered Refused Relayed Reported Rest Resting Returned Room Rooted
  Rotated Running Said Saving Scaled Scanned Sealed Seat Seen Sending Sent Shown Signed Silence Since Sized Slots Spared
  Speech Spent Spooled Staged Started Stored Strays Summarizing Surroundings Taken Taking Tell Teller Telling Thing Things
  Told Tracked Trap Trust Trying Turns Under Understood Unpacking Unset Until Uploaded Use Used Viewed Waiting Wanted Wants
  Watched Way Ways Where Whole Whose Why Wish Working Written Wrongs
`);

const vagueFunctions = words(`
  alreadySent answering asked atDesk become beingRestarted besideSettings boundTo called carrying checked clipped collected
  composed confined counted drained either entering explain filled given goes gone greet guarded harmless hastener held
  hopeless inTurn judged letGo listed located lost makeRoom measured nearest overdue paced perform piped placed pooled pour
  priced quoted reachable readable regular remembered reworded said same sendable shaped shown started summarized taken told
  took touched unanswered unlisted untrusted validated warmed whole wholeIn withhold withholding wrong yes
`);

const rules: readonly [better: string, breaks: (name: string, kind: string) => boolean][] = [
  ['a type is a noun of the field', (name, kind) => kind === 'type' && vagueTypes.has(name)],
  ['a function is a verb with its object', (name, kind) => kind === 'value' && vagueFunctions.has(name)],
  ['a limit begins with max', (name, kind) => kind === 'value' && /^most[A-Z]/.test(name)],
  ['one API of the server is a facade', (name) => /dialect/i.test(name)],
  ['who calls is a Principal; actors are XState', (name) => name === 'Actor'],
];

const listed = () =>
  execFileSync('git', ['ls-files', '--cached', '--others', '--exclude-standard', '*.ts', '*.tsx'], { encoding: 'utf8' })
    .trim()
    .split('\n');
const declared =
  /^(?<isExported>export )?(?:declare )?(?:abstract )?(?:async )?(?<word>interface|type|class|enum|const|let|function\*?) (?<name>[\w$]+)/;

let bad = 0;
for (const file of process.argv.length > 2 ? process.argv.slice(2) : listed()) {
  for (const [index, text] of readFileSync(file, 'utf8').split('\n').entries()) {
    const { isExported, word = '', name = '' } = declared.exec(text)?.groups ?? {};
    const kind = /^(const|let|function)/.test(word) ? 'value' : 'type';
    for (const [better, breaks] of rules) {
      if (name === '' || (kind === 'value' && !isExported) || !breaks(name, kind)) continue;
      bad += 1;
      console.error(`${file}:${index + 1}: ${name}: ${better} (docs/concepts.md)`);
    }
  }
}
if (bad > 0) console.error(`${bad} names to change`);
process.exitCode = bad > 0 ? 1 : 0;
