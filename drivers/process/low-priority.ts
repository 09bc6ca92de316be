/**
 * Before a program that gives way to the server on a busy machine, where no control group makes all sandboxes weigh as one
 * program. The kernel may weigh whole sessions of processes against each other first, each by a number of its own in
 * `autogroup`; a command that opens a session starts with none, so this is less than a group's weight.
 */
export const atLowPriority: readonly string[] = [
  ...['/bin/sh', '-c', '{ echo 10 >/proc/self/autogroup; } 2>/dev/null; exec nice -n 10 "$@"', 'sh'],
];
