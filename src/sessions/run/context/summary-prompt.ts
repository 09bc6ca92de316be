/** Asks for the summary behind which the earlier conversation disappears. */
export const summaryPrompt = `The conversation is too long for you and will be shortened now. Do not call a tool and do not go on with the work. Write what you need to go on with it, under these headings, and leave out headings without content:

## Rules and decisions
What the user demanded, forbade or decided, word for word.
## State
What is done and what came out, with numbers, names and paths.
## Open questions
## Files
Every file that was read or changed and matters still, with what it holds.
## Commands that work
Word for word.
## Next

The messages of the user and the plan are kept anyway.`;
