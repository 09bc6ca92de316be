/** Texts of the server with their translations. A test compares the keys with the server's tables. */
export const phrases: Readonly<Record<string, string>> = {
  // Labels of tools
  Run: 'Ausführen',
  'View terminal': 'Terminal ansehen',
  Wait: 'Warten',
  Type: 'Tippen',
  End: 'Beenden',
  'Run code': 'Code ausführen',
  'Read skill': 'Fähigkeit lesen',
  Read: 'Lesen',
  Write: 'Schreiben',
  Edit: 'Ändern',
  'Search in': 'Suchen in',
  Find: 'Finden',
  'Search the web for': 'Im Web suchen',
  Fetch: 'Abrufen',
  'View page': 'Seite ansehen',
  Open: 'Öffnen',
  'Restart browser': 'Browser neu starten',
  Click: 'Klicken',
  'Fill in': 'Ausfüllen',
  'Move mouse': 'Maus bewegen',
  Press: 'Drücken',
  Choose: 'Auswählen',
  'Scroll up': 'Nach oben rollen',
  'Scroll down': 'Nach unten rollen',
  'Run script in page': 'In der Seite ausführen',
  'View console': 'Konsole ansehen',
  'Open pull request': 'Pull Request öffnen',
  Message: 'Mitteilen',
  'Update plan': 'Plan ändern',
  'Use desktop': 'Desktop bedienen',
  Delegate: 'Auftrag weitergeben',
  'Check sub-agent': 'Unteragenten ansehen',
  'Message sub-agent': 'Unteragenten schreiben',
  'Stop sub-agent': 'Unteragenten anhalten',
  'Take files': 'Dateien übernehmen',
  Ask: 'Nachfragen',
  'Look up earlier result': 'Zurückblicken',
  'List notes': 'Notizen auflisten',
  'Read note': 'Notiz lesen',
  'Write note': 'Notiz schreiben',
  'Delete note': 'Notiz löschen',
  'click at': 'Klicken auf',
  'type text at': 'Tippen in',
  'key combination': 'Tasten drücken',
  'hover at': 'Zeigen auf',
  'drag and drop': 'Ziehen',
  'scroll at': 'Rollen in',
  'scroll document': 'Seite rollen',
  'wait 5 seconds': '5 Sekunden warten',
  'open web browser': 'Browser öffnen',
  navigate: 'Öffnen',
  'go back': 'Zurück',
  'go forward': 'Vorwärts',
  // Templates
  Default: 'Allgemein',
  'General development with every tool': 'Allgemeine Entwicklung mit allen Werkzeugen',
  Minimal: 'Klein',
  'A shell and files, for simple tasks': 'Eine Shell und Dateien, für einfache Aufgaben',
  'Python Developer': 'Python-Entwickler',
  'Writes, runs and debugs Python, with all the tools for it':
    'Schreibt und startet Python und findet Fehler, mit allen Werkzeugen dafür',
  'Node.js Developer': 'Node.js-Entwickler',
  'Writes, runs and debugs JavaScript and TypeScript on Node.js':
    'Schreibt und startet JavaScript und TypeScript mit Node.js und findet Fehler',
  'Data Analyst': 'Datenanalyse',
  'Looks into data, computes and draws, and says what it means':
    'Untersucht Daten, rechnet und zeichnet und sagt, was sie bedeuten',
  'Script Writer': 'Skripte',
  'Writes scripts that automate; adds new files and edits none':
    'Schreibt Skripte, die Arbeit abnehmen; legt neue Dateien an und ändert keine',
  'Code Reviewer': 'Code-Prüfer',
  'Reads and judges code; changes nothing': 'Liest und beurteilt Code; ändert nichts',
  'Test Writer': 'Tests',
  'Writes tests that can fail, and runs them': 'Schreibt Tests, die scheitern können, und führt sie aus',
  'Plan and act': 'Plan und Schritte',
  'Makes a plan, works on it step by step, and sums up':
    'Macht einen Plan, arbeitet ihn Schritt für Schritt ab und fasst zusammen',
  'Computer use': 'Desktop bedienen',
  'Works with the screen, keyboard and mouse of a desktop, and with its browser':
    'Arbeitet mit Bildschirm, Tastatur und Maus eines Desktops und mit dessen Browser',
  'Code interpreter': 'Code-Interpreter',
  'Computes and draws with numpy, pandas and matplotlib, which its image has':
    'Rechnet und zeichnet mit numpy, pandas und matplotlib, die sein Image hat',
  'Claude Code': 'Claude Code',
  "Anthropic's coding agent, with a loop of its own": 'Der Programmieragent von Anthropic, mit eigener Schleife',
  Codex: 'Codex',
  "OpenAI's coding agent, with a loop of its own": 'Der Programmieragent von OpenAI, mit eigener Schleife',
  'Gemini CLI': 'Gemini CLI',
  "Google's coding agent, with a loop of its own": 'Der Programmieragent von Google, mit eigener Schleife',
  OpenCode: 'OpenCode',
  'An open coding agent for many models, with a loop of its own':
    'Ein offener Programmieragent für viele Modelle, mit eigener Schleife',
  // Reasons why a template cannot run here, and remedies
  '{label} needs a key, and no secret sets {names}.':
    '{label} braucht einen Schlüssel, und kein Geheimnis setzt {names}.',
  'Add one in Settings under Secrets, with that variable.':
    'Legen Sie eines in den Einstellungen unter Geheimnisse an, mit dieser Variable.',
  "The template {name} needs the image {image}, and the driver {driver} runs this machine's own programs.":
    'Die Vorlage {name} braucht das Image {image}, und der Treiber {driver} nimmt die Programme dieses Rechners.',
  'Set CORRAL_DRIVER=docker, or name a template without sandbox.image whose programs are on this machine.':
    'Setzen Sie CORRAL_DRIVER=docker, oder nehmen Sie eine Vorlage ohne sandbox.image, deren Programme auf diesem Rechner sind.',
  'The template {name} uses a desktop, whose image is being built.':
    'Die Vorlage {name} braucht einen Desktop, dessen Image noch gebaut wird.',
  'The template {name} uses a desktop, whose image is being built ({step}, for {seconds} s).':
    'Die Vorlage {name} braucht einen Desktop, dessen Image noch gebaut wird ({step}, seit {seconds} s).',
  'Try again once it is there.': 'Versuchen Sie es, wenn es da ist.',
  'The template {name} uses a desktop, whose image could not be built: {why}':
    'Die Vorlage {name} braucht einen Desktop, dessen Image sich nicht bauen ließ: {why}',
  'The server tries again.': 'Der Server versucht es noch einmal.',
  'The template {name} uses a desktop, and sandboxes here have none.':
    'Die Vorlage {name} braucht einen Desktop, und Sandboxen haben hier keinen.',
  'Set CORRAL_SANDBOX_DESKTOP=true, or name another template.':
    'Setzen Sie CORRAL_SANDBOX_DESKTOP=true, oder nehmen Sie eine andere Vorlage.',
  // Reasons why templates cannot be built here
  'The driver {driver} builds no templates: its sandboxes are programs of this machine, which have no image; set CORRAL_DRIVER to docker.':
    'Der Treiber {driver} baut keine Vorlagen: Seine Sandboxen sind Programme dieses Rechners und haben kein Image. Setzen Sie CORRAL_DRIVER auf docker.',
  'The driver {driver} builds no templates: nothing in the cluster builds images for it; build them with the tools of the cluster, and name them in templates.':
    'Der Treiber {driver} baut keine Vorlagen: Im Cluster baut nichts Images für ihn. Bauen Sie die Images mit den Werkzeugen des Clusters, und nennen Sie sie in Vorlagen.',
  'Building templates is off, because its steps run as root. The operator allows it with CORRAL_BUILDS_ALLOW=on.':
    'Das Bauen von Vorlagen ist aus, weil die Schritte als root laufen. Der Betreiber erlaubt es mit CORRAL_BUILDS_ALLOW=on.',
  // Reasons why a note needs a review
  'The agent has read {list}, so the note can hold the words of a stranger.':
    'Der Agent hat gelesen: {list}. Die Notiz kann also Worte von Fremden enthalten.',
  'pages or search results of the web': 'Seiten oder Suchergebnisse aus dem Web',
  'results of a tool server': 'Ergebnisse eines Werkzeugservers',
  'data that its sandbox fetched or could fetch unseen': 'Daten, die seine Sandbox holte oder ungesehen holen konnte',
  'a delivery from outside or comments of others': 'eine Zustellung von außen oder Kommentare anderer',
  'a skill of the workspace': 'eine Fähigkeit des Arbeitsordners',
  'the words of another session': 'Worte einer anderen Sitzung',
  'files of another session': 'Dateien einer anderen Sitzung',
  'what came before this server looked for strangers': 'was kam, bevor dieser Server auf Fremdes achtete',
  // Egress: descriptions of the policies, and the rules that refuse
  nothing: 'nichts',
  'only the entries of egress.allow': 'nur die Einträge von egress.allow',
  "the registries that the image's package managers use, and egress.registries":
    'wofür die Paketverwaltungen des Images eingerichtet sind, und egress.registries',
  'every public host on ports 80 and 443, and what registries allows':
    'jeden öffentlichen Host an den Ports 80 und 443, und was registries öffnet',
  'not listed': 'steht nicht auf der Liste',
  'not chosen': 'nicht gewählt',
  'malformed host': 'kein gültiger Name',
  'unknown policy': 'unbekannte Regel',
  'private address': 'private Adresse',
  volume: 'Menge dieser Stunde verbraucht',
  "The policy '{policy}' leaves the sandbox no way out at all.":
    'Die Regel „{policy}“ lässt die Sandbox überhaupt nicht hinaus.',
  'Only operators can, and your key has the role {role}. Ask an operator.':
    'Das können nur Operatoren, und Ihr Schlüssel hat die Rolle {role}. Fragen Sie einen Operator.',
  // Model failures that a run retries or ends with
  '{model} answered {status}: {words} Set {key} to a key that may use this model.':
    '{model} antwortete mit {status}: „{words}“ Setzen Sie {key} auf einen Schlüssel, der dieses Modell benutzen darf.',
  '{model} answered {status}: {words} Check the name after the slash in the setting model, and {setting}.':
    '{model} antwortete mit {status}: „{words}“ Prüfen Sie den Namen hinter dem Schrägstrich in der Einstellung model, und {setting}.',
  "{model} answered {status}: {words} The provider's account has no quota left: add some there, or choose another model.":
    '{model} antwortete mit {status}: „{words}“ Das Guthaben beim Anbieter ist verbraucht: Füllen Sie es dort auf, oder wählen Sie ein anderes Modell.',
  "{model} answered {status}: {words} The provider's rules refuse this content: say it in other words, or choose another model.":
    '{model} antwortete mit {status}: „{words}“ Die Regeln des Anbieters verweigern diesen Inhalt: Sagen Sie es mit anderen Worten, oder wählen Sie ein anderes Modell.',
  '{model} answered {status}: {words} The conversation is too long for this model.':
    '{model} antwortete mit {status}: „{words}“ Das Gespräch ist zu lang für dieses Modell.',
  '{model} answered {status}: {words}': '{model} antwortete mit {status}: „{words}“',
  '{model} answered {status}. Set {key} to a key that may use this model.':
    '{model} antwortete mit {status}. Setzen Sie {key} auf einen Schlüssel, der dieses Modell benutzen darf.',
  '{model} answered {status}.': '{model} antwortete mit {status}.',
  '{model} cannot be reached, or broke off its reply. Check the network and {setting}.':
    '{model} ist nicht erreichbar oder brach die Antwort ab. Prüfen Sie das Netz und {setting}.',
  '{model} cannot be reached: {why} Check that its server runs, and {setting}.':
    '{model} ist nicht erreichbar: {why} Prüfen Sie, ob sein Server läuft, und {setting}.',
  '{model} sent nothing for {seconds} s.': '{model} sandte {seconds} s lang nichts.',
  'The conversation is too long for the model.': 'Das Gespräch ist zu lang für das Modell.',
  'The model gave empty replies only.': 'Das Modell gab nur leere Antworten.',
  // Other ends of a run
  'The run failed.': 'Der Lauf scheiterte.',
  'The session crashed too often and was given up. Send a message to try again.':
    'Die Sitzung stürzte zu oft ab und wurde aufgegeben. Eine Nachricht versucht es noch einmal.',
  'The sandbox did not start.': 'Die Sandbox startete nicht.',
  'The sandbox ended unexpectedly.': 'Die Sandbox endete unerwartet.',
  'The sandbox stopped answering.': 'Die Sandbox antwortet nicht mehr.',
  'The sandbox does not answer.': 'Die Sandbox antwortet nicht.',
  'The sandbox has not answered for {seconds} s.': 'Die Sandbox hat {seconds} s lang nicht geantwortet.',
  'The sandbox broke the rules of its protocol and was ended; its files are kept. Send a message, or start the sandbox, to get a new one.':
    'Die Sandbox verletzte die Regeln ihres Protokolls und wurde beendet; ihre Dateien bleiben. Eine Nachricht, oder ein Start der Sandbox, gibt Ihnen eine neue.',
  'The session moved to another server. Try again.':
    'Die Sitzung ist auf einen anderen Server gezogen. Versuchen Sie es noch einmal.',
  'Something went wrong on our side.': 'Beim Server ging etwas schief.',
  'The operation took too long.': 'Das dauerte zu lange.',
  // Notices of a run and its sandbox
  'The server was restarted; the run goes on.': 'Der Server wurde neu gestartet; der Lauf geht weiter.',
  'Committed {commit} to {branch} of {path}.': '{commit} wurde in {branch} von {path} festgehalten.',
  'Pushed {commit} to {branch} of {url}.': '{commit} wurde an {branch} von {url} gesendet.',
  'Fetching {url} into {path}.': '{url} wird nach {path} geholt.',
  'Fetching {url} at {ref} into {path}.': '{url} wird bei {ref} nach {path} geholt.',
  '{url} is in {path}, on the branch {branch}, at {commit}.': '{url} ist in {path}, im Zweig {branch}, bei {commit}.',
  '{url} is in {path}, on the branch {branch}, which has no commit yet.':
    '{url} ist in {path}, im Zweig {branch}, der noch keinen Commit hat.',
  'Preparing {path} by its .corral/setup.sh.': '{path} wird durch seine .corral/setup.sh vorbereitet.',
  '{path} has the prepared files of an earlier session.':
    '{path} hat die vorbereiteten Dateien einer früheren Sitzung.',
  '.corral/setup.sh of {path} ran.': '.corral/setup.sh von {path} ist gelaufen.',
  '.corral/setup.sh of {path} ran; its files ({size}) are kept for later sessions.':
    '.corral/setup.sh von {path} ist gelaufen; die Dateien ({size}) bleiben für spätere Sitzungen.',
  '.corral/setup.sh of {path} ended with {code}. {output}': '.corral/setup.sh von {path} endete mit {code}. {output}',
  'Checks of {path} passed: {names}.': 'Prüfungen von {path} bestanden: {names}.',
  "The variable {name} of a vault is for {host}, which this session's network does not open. Open it in the environment, or take it off the credential.":
    'Die Variable {name} eines Tresors gilt für {host}. Das Netz dieser Sitzung öffnet diesen Host nicht. Öffnen Sie ihn in der Umgebung, oder nehmen Sie ihn aus den Zugangsdaten.',
  'Checks of {path} failed: {names}. {output}': 'Prüfungen von {path} verfehlt: {names}. {output}',
  '{url} could not be fetched: {why}': '{url} konnte nicht geholt werden: {why}',
  '{model} does not call tools: it has only written text so far, so no command ran and no file was changed. For work with files and commands, choose a model that calls tools.':
    '{model} ruft keine Werkzeuge auf: Bisher kam nur Text, also lief kein Befehl und keine Datei wurde geändert. Wählen Sie für Arbeit mit Dateien und Befehlen ein Modell, das Werkzeuge aufruft.',
  'A desktop needs the setting sandbox.desktop.': 'Ein Desktop braucht die Einstellung sandbox.desktop.',
  'A desktop needs the setting sandbox.desktop, with Xvnc, Chromium and bubblewrap on this machine, or the driver docker.':
    'Ein Desktop braucht die Einstellung sandbox.desktop, mit Xvnc, Chromium und bubblewrap auf dieser Maschine, oder den Treiber docker.',
  '{child} works on: {task}': '{child} arbeitet an: {task}',
  'All checks passed.': 'Alle Prüfungen bestanden.',
  'new sessions have a desktop': 'neue Sitzungen haben einen Desktop',
  'Taking a ready sandbox from the pool': 'Eine bereite Sandbox wird genommen',
  'Starting in bubblewrap': 'Start in bubblewrap',
  'Starting without isolation': 'Start ohne Isolierung',
  'Starting a container of {image}': 'Ein Container von {image} startet',
  'Claiming a sandbox of {image}': 'Eine Sandbox von {image} wird angefordert',
  'Starting a pod of {image}': 'Ein Pod von {image} startet',
  'Building {image}': '{image} wird gebaut',
  'Pulling {image}': '{image} wird geholt',
};
