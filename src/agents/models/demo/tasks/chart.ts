import type { BuiltInTask } from '../unit.ts';

const sales = `month,sales
January,1240
February,1180
March,1530
April,1610
May,1490
June,1875
July,2010
August,1720
September,1960
October,2240
November,2385
December,2610`;

// awk is in every image, so the task works without Python.
const program = `# Draws the second column of a CSV as bars: awk -f chart.awk sales.csv > chart.html
BEGIN { FS = "," }
NR == 1 { what = $2; next }
{ n++; name[n] = $1; value[n] = $2; total += $2; if ($2 > most) { most = $2; best = $1 } }
END {
  print "<!doctype html><html lang=\\"en\\"><meta charset=\\"utf-8\\"><title>Chart of " what "</title>"
  print "<style>body{font:16px system-ui,sans-serif;margin:24px;background:#fff;color:#222}svg{width:100%;max-width:820px}</style>"
  print "<h1>" toupper(substr(what, 1, 1)) substr(what, 2) " by month</h1>"
  print "<p>Total " total ", on average " int(total / n + 0.5) " a month. Best month: " best " with " most ".</p>"
  print "<svg viewBox=\\"0 0 " n * 60 + 20 " 320\\" role=\\"img\\" aria-label=\\"Bars of " what " for " n " months\\">"
  for (i = 1; i <= n; i++) {
    height = int(value[i] / most * 240 + 0.5)
    x = (i - 1) * 60 + 10
    colour = name[i] == best ? "#c2571a" : "#3b7a57"
    print "<rect x=\\"" x "\\" y=\\"" 270 - height "\\" width=\\"48\\" height=\\"" height "\\" rx=\\"4\\" fill=\\"" colour "\\"/>"
    print "<text x=\\"" x + 24 "\\" y=\\"" 264 - height "\\" font-size=\\"13\\" text-anchor=\\"middle\\">" value[i] "</text>"
    print "<text x=\\"" x + 24 "\\" y=\\"292\\" font-size=\\"13\\" text-anchor=\\"middle\\">" substr(name[i], 1, 3) "</text>"
  }
  print "</svg></html>"
}`;

export const chartTask: BuiltInTask = {
  asks: [
    'Make a CSV with a year of sales, draw it as a bar chart on one page, chart.html, and tell me the best month.',
    'Lege eine CSV mit den Umsätzen eines Jahres an, zeichne sie als Balkendiagramm auf einer Seite, chart.html, und nenne den besten Monat.',
  ],
  units: [
    { kind: 'file', path: 'sales.csv', content: `${sales}\n` },
    { kind: 'file', path: 'chart.awk', content: `${program}\n` },
    {
      kind: 'sh',
      command: `awk -f chart.awk sales.csv >chart.html && sed -n 's/^<p>\\(.*\\)<[/]p>$/\\1/p' chart.html`,
    },
  ],
  ends: 'The chart is in `chart.html`.',
};
