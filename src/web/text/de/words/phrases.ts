import { sessionPhrases } from './sessions.ts';
import { settingsPhrases } from './settings.ts';

/** Keyed by the server's text. A test compares the keys with the server's tables. */
export const serverPhrases: Readonly<Record<string, string>> = {
  ...settingsPhrases,
  ...sessionPhrases,
  // Tool labels
  Run: 'Ausführen',
  'View terminal': 'Terminal ansehen',
  Wait: 'Warten',
  Type: 'Tippen',
  End: 'Beenden',
  'Run code': 'Code ausführen',
  'Read skill': 'Fähigkeit lesen',
  Read: 'Lesen',
  Write: 'Schreiben',
  Edit: 'Bearbeiten',
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
  'Scroll up': 'Nach oben scrollen',
  'Scroll down': 'Nach unten scrollen',
  'Run script in page': 'Skript in der Seite ausführen',
  'View console': 'Konsole ansehen',
  'Open pull request': 'Pull Request öffnen',
  Message: 'Nachricht senden',
  'Update plan': 'Plan aktualisieren',
  'Use desktop': 'Desktop bedienen',
  Delegate: 'Aufgabe delegieren',
  'Check sub-agent': 'Unteragenten prüfen',
  'Message sub-agent': 'Nachricht an Unteragenten',
  'Stop sub-agent': 'Unteragenten anhalten',
  'Copy files': 'Dateien kopieren',
  Ask: 'Nachfragen',
  'Look up earlier result': 'Früheres Ergebnis nachschlagen',
  'List notes': 'Notizen auflisten',
  'Read note': 'Notiz lesen',
  'Write note': 'Notiz schreiben',
  'Delete note': 'Notiz löschen',
  'click at': 'Klicken auf',
  'type text at': 'Tippen in',
  'key combination': 'Tastenkombination drücken',
  'hover at': 'Zeigen auf',
  'drag and drop': 'Ziehen und ablegen',
  'scroll at': 'Scrollen in',
  'scroll document': 'Seite scrollen',
  'wait 5 seconds': '5 Sekunden warten',
  'open web browser': 'Browser öffnen',
  navigate: 'Öffnen',
  'go back': 'Zurück',
  'go forward': 'Vorwärts',
  // Templates
  Default: 'Allgemein',
  'Splits large tasks among sub-agents, each in its own sandbox':
    'Verteilt große Aufgaben auf Unteragenten mit eigener Sandbox',
  'General development, without sub-agents': 'Allgemeine Entwicklung, ohne Unteragenten',
  Minimal: 'Minimal',
  Team: 'Team',
  'A shell and files, for simple tasks': 'Eine Shell und Dateien, für einfache Aufgaben',
  'Python Developer': 'Python-Entwickler',
  'Writes, runs and debugs Python': 'Schreibt, startet und debuggt Python-Programme',
  'Node.js Developer': 'Node.js-Entwickler',
  'Writes, runs and debugs JavaScript and TypeScript on Node.js':
    'Schreibt, startet und debuggt JavaScript- und TypeScript-Programme mit Node.js',
  'Data Analyst': 'Datenanalyse',
  'Explores data, runs calculations, draws charts and explains the results':
    'Untersucht Daten, rechnet, zeichnet Diagramme und erklärt die Ergebnisse',
  'Script Writer': 'Skript-Autor',
  'Writes automation scripts; adds new files but never edits existing ones':
    'Schreibt Skripte zur Automatisierung; legt neue Dateien an, ändert aber keine vorhandenen',
  'Code Reviewer': 'Code-Reviewer',
  'Reviews code without changing it': 'Prüft Code, ohne ihn zu ändern',
  'Test Writer': 'Test-Autor',
  'Writes meaningful tests and runs them': 'Schreibt aussagekräftige Tests und führt sie aus',
  'Plan and act': 'Planen und ausführen',
  'Makes a plan, carries it out step by step and summarizes the result':
    'Erstellt einen Plan, arbeitet ihn Schritt für Schritt ab und fasst das Ergebnis zusammen',
  'Computer use': 'Desktop bedienen',
  'Uses the screen, keyboard, mouse and browser of a desktop':
    'Bedient Bildschirm, Tastatur, Maus und Browser eines Desktops',
  'Code interpreter': 'Code-Interpreter',
  'Runs calculations and draws charts with numpy, pandas and matplotlib preinstalled':
    'Rechnet und erstellt Diagramme; numpy, pandas und matplotlib sind vorinstalliert',
  'Claude Code': 'Claude Code',
  "Anthropic's coding agent, with its own agent loop":
    'Der Programmieragent von Anthropic, mit eigener Agentenschleife',
  Codex: 'Codex',
  "OpenAI's coding agent, with its own agent loop": 'Der Programmieragent von OpenAI, mit eigener Agentenschleife',
  'Gemini CLI': 'Gemini CLI',
  "Google's coding agent, with its own agent loop": 'Der Programmieragent von Google, mit eigener Agentenschleife',
  OpenCode: 'OpenCode',
  'An open-source coding agent for many models, with its own agent loop':
    'Ein quelloffener Programmieragent für viele Modelle, mit eigener Agentenschleife',
  // Reasons why a template cannot run here, and remedies
  '{label} needs a key, but no secret sets {names}.':
    '{label} braucht einen Schlüssel, aber kein Geheimnis setzt {names}.',
  'Add a secret with that variable in Settings > Secrets.':
    'Legen Sie unter „Einstellungen > Geheimnisse“ ein Geheimnis mit dieser Variablen an.',
  "The template {name} needs the image {image}, but the driver {driver} runs this machine's own programs.":
    'Die Vorlage {name} braucht das Image {image}, aber der Treiber {driver} verwendet die Programme dieses Rechners.',
  'Set CORRAL_DRIVER=docker, or choose a template without sandbox.image whose programs are on this machine.':
    'Setzen Sie CORRAL_DRIVER=docker, oder wählen Sie eine Vorlage ohne sandbox.image, deren Programme auf diesem Rechner installiert sind.',
  'The template {name} uses a desktop, whose image is being built.':
    'Die Vorlage {name} braucht einen Desktop, dessen Image noch gebaut wird.',
  'The template {name} uses a desktop, whose image is being built ({step}, for {seconds} s).':
    'Die Vorlage {name} braucht einen Desktop, dessen Image noch gebaut wird ({step}, seit {seconds} s).',
  'Try again when the image is ready.': 'Versuchen Sie es erneut, sobald das Image fertig ist.',
  'The template {name} uses a desktop, whose image could not be built: {why}':
    'Die Vorlage {name} braucht einen Desktop, dessen Image nicht gebaut werden konnte: {why}',
  'The server will try again.': 'Der Server versucht es erneut.',
  'The template {name} uses a desktop, but sandboxes on this server have none.':
    'Die Vorlage {name} braucht einen Desktop, aber die Sandboxen dieses Servers haben keinen.',
  'Set CORRAL_SANDBOX_DESKTOP=true, or choose another template.':
    'Setzen Sie CORRAL_SANDBOX_DESKTOP=true, oder wählen Sie eine andere Vorlage.',
  // Reasons why templates cannot be built here
  'The driver {driver} cannot build templates: its sandboxes are programs on this machine and have no image; set CORRAL_DRIVER to docker.':
    'Der Treiber {driver} kann keine Vorlagen bauen: Seine Sandboxen sind Programme dieses Rechners und haben kein Image. Setzen Sie CORRAL_DRIVER auf docker.',
  'The driver {driver} cannot build templates: the cluster has no image builder for it; build images with the tools of the cluster, and use them in templates.':
    'Der Treiber {driver} kann keine Vorlagen bauen, weil der Cluster keinen Image-Builder dafür hat. Bauen Sie die Images mit den Werkzeugen des Clusters, und tragen Sie sie in Vorlagen ein.',
  'Building templates is off because build steps run as root. An operator can allow it with CORRAL_BUILDS_ALLOW=on.':
    'Das Bauen von Vorlagen ist deaktiviert, weil Build-Schritte als root laufen. Ein Betreiber kann es mit CORRAL_BUILDS_ALLOW=on erlauben.',
  // Git and pull request errors, and reasons why a note needs a review
  'Pull requests are not set up for {host}. Push the branch or download the patch. To open pull requests here, add the host to forges.servers, such as gitea={name}.':
    'Pull Requests sind für {host} nicht eingerichtet. Pushen Sie den Branch, oder laden Sie den Patch herunter. Um hier Pull Requests zu öffnen, nehmen Sie den Host in forges.servers auf, zum Beispiel gitea={name}.',
  '{url} is a folder, which has no pull requests. Download the patch.':
    '{url} ist ein Ordner und hat keine Pull Requests. Laden Sie den Patch herunter.',
  'Nothing answers at {host} in the sandbox, where git runs. Replace it with an address of that server that the sandbox can reach, such as its name in your network. {output}':
    'In der Sandbox, in der git läuft, antwortet unter {host} nichts. Geben Sie eine Adresse dieses Servers an, die die Sandbox erreicht, zum Beispiel seinen Namen in Ihrem Netzwerk. {output}',
  'The agent is waiting for approval.': 'Der Agent wartet auf eine Genehmigung.',
  'The run failed. Ask the owner of the session about the cause.':
    'Der Lauf ist fehlgeschlagen. Fragen Sie den Besitzer der Sitzung nach der Ursache.',
  'The agent has read {list}, so the note can contain untrusted text.':
    'Der Agent hat gelesen: {list}. Die Notiz kann daher fremden Text enthalten.',
  'web pages or search results': 'Webseiten oder Suchergebnisse',
  'results from a tool server': 'Ergebnisse eines Werkzeugservers',
  'data that its sandbox fetched or could have fetched unseen':
    'Daten, die seine Sandbox abgerufen hat oder unbemerkt abrufen konnte',
  'a delivery from outside or comments by other people': 'eine Zustellung von außen oder Kommentare anderer Personen',
  'a skill from the workspace': 'eine Fähigkeit aus dem Arbeitsbereich',
  'text from another session': 'Text einer anderen Sitzung',
  'files from another session': 'Dateien einer anderen Sitzung',
  'content from before this server tracked its sources':
    'Inhalte aus der Zeit, bevor dieser Server fremde Quellen erfasste',
  // Egress: policies, and rules that can refuse a host
  nothing: 'nichts',
  'only the entries of egress.allow': 'nur die Einträge von egress.allow',
  "the registries that the image's package managers use, and egress.registries":
    'die Paketquellen, die im Image eingerichtet sind, und egress.registries',
  'every public host on ports 80 and 443, plus the hosts of registries':
    'jeden öffentlichen Host auf den Ports 80 und 443 sowie die Hosts der Richtlinie registries',
  'not listed': 'nicht auf der Liste',
  'not chosen': 'nicht ausgewählt',
  'malformed host': 'ungültiger Hostname',
  'unknown policy': 'unbekannte Richtlinie',
  'private address': 'private Adresse',
  volume: 'Datenlimit für diese Stunde erreicht',
  "The policy '{policy}' gives the sandbox no network access.":
    'Die Richtlinie „{policy}“ erlaubt der Sandbox keinen Netzwerkzugriff.',
  'Only operators can do this, and your role is {role}. Ask an operator.':
    'Das können nur Betreiber, und Ihre Rolle ist {role}. Bitten Sie einen Betreiber.',
  // Model failures after which a run retries or ends
  'The provider answered with status {status}. Try again later.':
    'Der Anbieter antwortete mit Status {status}. Versuchen Sie es später erneut.',
  '{model} answered {status}: {words} Set {key} to a key that can use this model.':
    '{model} antwortete mit {status}: „{words}“ Setzen Sie {key} auf einen Schlüssel, der für dieses Modell gilt.',
  '{model} answered {status}: {words} Check the name after the slash in the setting model, and {setting}.':
    '{model} antwortete mit {status}: „{words}“ Prüfen Sie den Namen nach dem Schrägstrich in der Einstellung model sowie {setting}.',
  "{model} answered {status}: {words} The provider's account has no quota left: increase it there, or choose another model.":
    '{model} antwortete mit {status}: „{words}“ Das Kontingent beim Anbieter ist verbraucht. Erhöhen Sie es dort, oder wählen Sie ein anderes Modell.',
  "{model} answered {status}: {words} The provider's rules do not allow this content: rephrase it, or choose another model.":
    '{model} antwortete mit {status}: „{words}“ Die Regeln des Anbieters erlauben diesen Inhalt nicht. Formulieren Sie ihn um, oder wählen Sie ein anderes Modell.',
  '{model} answered {status}: {words} The conversation is too long for this model.':
    '{model} antwortete mit {status}: „{words}“ Das Gespräch ist zu lang für dieses Modell.',
  '{model} answered {status}: {words}': '{model} antwortete mit {status}: „{words}“',
  '{model} answered {status}. Set {key} to a key that can use this model.':
    '{model} antwortete mit {status}. Setzen Sie {key} auf einen Schlüssel, der für dieses Modell gilt.',
  '{model} answered {status}.': '{model} antwortete mit {status}.',
  '{model} cannot be reached, or its reply was cut off. Check the network and {setting}.':
    '{model} ist nicht erreichbar oder hat die Antwort abgebrochen. Prüfen Sie das Netzwerk und {setting}.',
  '{model} cannot be reached: {why} Check that its server is running, and check {setting}.':
    '{model} ist nicht erreichbar: {why} Prüfen Sie, ob sein Server läuft, und prüfen Sie {setting}.',
  '{model} sent nothing for {seconds} s. If it stays so slow, check its server or choose another model.':
    '{model} hat {seconds} s lang nichts gesendet. Bleibt es so langsam, prüfen Sie seinen Server, oder wählen Sie ein anderes Modell.',
  'The conversation is too long for the model.': 'Das Gespräch ist zu lang für das Modell.',
  'The model returned only empty replies.': 'Das Modell hat nur leere Antworten geliefert.',
  'The reply was stopped because it repeated itself.': 'Die Antwort wurde beendet, weil sie sich wiederholte.',
  // Other reasons why a run fails
  'The run failed.': 'Der Lauf ist fehlgeschlagen.',
  'The session crashed too often and was stopped. Send a message to try again.':
    'Die Sitzung ist zu oft abgestürzt und wurde beendet. Senden Sie eine Nachricht, um es erneut zu versuchen.',
  'The sandbox did not start.': 'Die Sandbox ist nicht gestartet.',
  'The sandbox ended unexpectedly.': 'Die Sandbox wurde unerwartet beendet.',
  'The sandbox stopped responding.': 'Die Sandbox antwortet nicht mehr.',
  'The sandbox is not responding. Try again.': 'Die Sandbox antwortet nicht. Versuchen Sie es erneut.',
  'The sandbox has not responded for {seconds} s. Its next use starts it again.':
    'Die Sandbox hat {seconds} s lang nicht geantwortet. Bei der nächsten Verwendung startet sie neu.',
  'The sandbox violated its protocol and was stopped; its files are kept. Send a message or start the sandbox to get a new one.':
    'Die Sandbox hat gegen ihr Protokoll verstoßen und wurde beendet; ihre Dateien bleiben erhalten. Senden Sie eine Nachricht, oder starten Sie die Sandbox, um eine neue zu bekommen.',
  'The session moved to another server. Try again.':
    'Die Sitzung ist auf einen anderen Server umgezogen. Versuchen Sie es erneut.',
  'Something went wrong on our side.': 'Auf dem Server ist ein Fehler aufgetreten.',
  'The operation took too long. Try again.': 'Der Vorgang hat zu lange gedauert. Versuchen Sie es erneut.',
  // Notices about a run and its sandbox
  'The server was restarted; the run continues.': 'Der Server wurde neu gestartet; der Lauf geht weiter.',
  'Committed {commit} to {branch} of {path}.': '{commit} wurde in {path} auf {branch} committet.',
  'Pushed {commit} to {branch} of {url}.': '{commit} wurde nach {branch} von {url} gepusht.',
  'Fetching {url} at {ref} into {path}.': '{url} wird mit dem Stand {ref} nach {path} geklont.',
  'Fetching {url} into {path}.': '{url} wird nach {path} geklont.',
  '{url} is in {path}, on the branch {branch}, at {commit}.':
    '{url} liegt in {path}, auf dem Branch {branch}, bei {commit}.',
  '{url} is in {path}, on the branch {branch}, which has no commit yet.':
    '{url} liegt in {path}, auf dem Branch {branch}, der noch keinen Commit hat.',
  'Preparing {path} with .corral/setup.sh.': '{path} wird mit .corral/setup.sh vorbereitet.',
  '{path} has the prepared files from an earlier session.':
    '{path} enthält die vorbereiteten Dateien einer früheren Sitzung.',
  '{host} requires a credential for {url}, or refused the one it received. Bind one with "git" to this session, its project or the server, for this host (docs/repositories.md).':
    '{host} verlangt Zugangsdaten für {url} oder hat die übermittelten abgelehnt. Hinterlegen Sie mit „git“ Zugangsdaten für diesen Host: in der Sitzung, ihrem Projekt oder auf dem Server (docs/repositories.md).',
  '{host} refused access to {url}: the credential lacks permission. Grant it read access, or bind another one. {output}':
    '{host} hat den Zugriff auf {url} verweigert: Den Zugangsdaten fehlt die Berechtigung. Geben Sie ihnen Lesezugriff, oder hinterlegen Sie andere. {output}',
  "The session's egress policy does not allow {host}. Allow it in the network settings, then try again.":
    'Die Netzwerkrichtlinie der Sitzung erlaubt {host} nicht. Erlauben Sie den Host in den Netzwerkeinstellungen und versuchen Sie es erneut.',
  'The server cannot reach {host}. Check the address and its network. {output}':
    'Der Server erreicht {host} nicht. Prüfen Sie die Adresse und das Netzwerk. {output}',
  '{host} has no repository {url}, or shows it only with a credential. Check the address, or bind a credential with "git" for this host (docs/repositories.md). {output}':
    '{host} hat kein Repository {url} oder zeigt es nur mit Zugangsdaten. Prüfen Sie die Adresse, oder hinterlegen Sie mit „git“ Zugangsdaten für diesen Host (docs/repositories.md). {output}',
  'Sessions cannot use {url}: its folder is not listed in {setting}. Check the address, or add the folder there and restart the server.':
    'Sitzungen können {url} nicht verwenden, denn der Ordner ist in {setting} nicht aufgeführt. Prüfen Sie die Adresse, oder fügen Sie den Ordner dort hinzu und starten Sie den Server neu.',
  '{host} is not responding. Check the address, and that this server can reach it.':
    '{host} antwortet nicht. Prüfen Sie die Adresse und ob dieser Server sie erreicht.',
  'There is no list of models at this address. For most servers it ends with /v1.':
    'Unter dieser Adresse gibt es keine Modellliste. Bei den meisten Servern endet die Adresse mit /v1.',
  'There is no list of models at this address (status {status}). For most servers it ends with /v1.':
    'Unter dieser Adresse gibt es keine Modellliste (Status {status}). Bei den meisten Servern endet die Adresse mit /v1.',
  'The provider refused this key (status {status}).': 'Der Anbieter hat diesen Schlüssel abgelehnt (Status {status}).',
  'It requires a key (status {status}).': 'Ein Schlüssel ist erforderlich (Status {status}).',
  'There are no files. A skill is a folder with SKILL.md.':
    'Es gibt keine Dateien. Eine Fähigkeit ist ein Ordner mit SKILL.md.',
  'There is no SKILL.md at the top of the folder: add one that begins with the name and a description.':
    'Auf der obersten Ebene fehlt eine SKILL.md. Fügen Sie eine hinzu, die mit Name und Beschreibung beginnt.',
  'SKILL.md begins without a usable name. Begin it with a line ---, then name: and description:, then ---. A name has 1 to 64 of a-z, 0-9 and single hyphens, with no hyphen at the beginning or end.':
    'SKILL.md beginnt ohne brauchbaren Namen. Beginnen Sie mit einer Zeile ---, dann name: und description:, dann ---. Ein Name besteht aus 1 bis 64 Zeichen: a-z, 0-9 und einzelne Bindestriche, aber keiner am Anfang oder Ende.',
  'SKILL.md has neither a description nor instructions. Add them below the name.':
    'SKILL.md enthält weder eine Beschreibung noch Anweisungen. Fügen Sie sie unter dem Namen hinzu.',
  'A run of the session is in progress. Wait until it ends, or stop it first.':
    'In der Sitzung läuft gerade ein Lauf. Warten Sie, bis er endet, oder stoppen Sie ihn.',
  'The check `{command}` ended with exit code {code}.': 'Die Prüfung `{command}` endete mit Exit-Code {code}.',
  'The check `{command}` ended with exit code {code}:\n{detail}':
    'Die Prüfung `{command}` endete mit Exit-Code {code}:\n{detail}',
  '{url} did not accept the push: {output} Check that its server accepts pushes, or download the patch instead.':
    '{url} hat den Push nicht angenommen: {output} Prüfen Sie, ob der Server Pushes annimmt, oder laden Sie stattdessen den Patch herunter.',
  '.corral/setup.sh of {path} ran.': '.corral/setup.sh von {path} ist durchgelaufen.',
  '.corral/setup.sh of {path} ran; its files ({size}) are kept for later sessions.':
    '.corral/setup.sh von {path} ist durchgelaufen; die Dateien ({size}) werden für spätere Sitzungen aufbewahrt.',
  '.corral/setup.sh of {path} ended with {code}. {output}':
    '.corral/setup.sh von {path} wurde mit Exit-Code {code} beendet. {output}',
  'Checks of {path} passed: {names}.': 'Prüfungen von {path} bestanden: {names}.',
  "The variable {name} of a vault is for {host}, which this session's network does not allow. Allow it in the environment, or remove it from the credential.":
    'Die Variable {name} eines Tresors gilt für {host}, aber das Netzwerk dieser Sitzung erlaubt diesen Host nicht. Erlauben Sie ihn in der Umgebung, oder entfernen Sie ihn aus den Zugangsdaten.',
  'Checks of {path} failed: {names}. {output}': 'Prüfungen von {path} fehlgeschlagen: {names}. {output}',
  '{url} could not be fetched: {why}': '{url} konnte nicht geklont werden: {why}',
  'No tool was called, so nothing changed. If you asked this model to work with files or commands, ask again or choose a model that calls tools.':
    'Es wurde kein Werkzeug aufgerufen, also nichts verändert. Wenn das Modell mit Dateien oder Befehlen arbeiten sollte, fragen Sie noch einmal oder wählen Sie ein Modell, das Werkzeuge aufruft.',
  'A desktop needs the setting sandbox.desktop (CORRAL_SANDBOX_DESKTOP=true).':
    'Ein Desktop erfordert die Einstellung sandbox.desktop (CORRAL_SANDBOX_DESKTOP=true).',
  'A desktop needs the setting sandbox.desktop (CORRAL_SANDBOX_DESKTOP=true), with Xvnc, Chromium and bubblewrap on this machine, or the driver docker.':
    'Ein Desktop erfordert die Einstellung sandbox.desktop (CORRAL_SANDBOX_DESKTOP=true) und entweder Xvnc, Chromium und bubblewrap auf diesem Rechner oder den Treiber docker.',
  'The model {model} needs a key: set {name}, or add the key in Settings > Models and keys.':
    'Das Modell {model} braucht einen Schlüssel: Setzen Sie {name}, oder fügen Sie den Schlüssel unter „Einstellungen > Modelle und Schlüssel“ hinzu.',
  'There is no model "{ref}". Choose another one, or add its provider on the page or under models.compatible. A model is demo or <provider>/<model>; providers: {names}.':
    'Das Modell „{ref}“ gibt es nicht. Wählen Sie ein anderes, oder fügen Sie seinen Anbieter auf der Seite oder unter models.compatible hinzu. Ein Modell heißt demo oder <Anbieter>/<Modell>; Anbieter: {names}.',
  '{setting}: there is no tool {tool}. Tools: {names}.':
    '{setting}: Das Werkzeug {tool} gibt es nicht. Werkzeuge: {names}.',
  'its files are kept': 'ihre Dateien bleiben erhalten',
  'The tool server {name} cannot be used: {why}. Check its address and that it is running.':
    'Der Werkzeugserver {name} ist nicht benutzbar: {why}. Prüfen Sie seine Adresse, und ob er läuft.',
  'The tool server {name} cannot be used: {why}. Check the access that it needs.':
    'Der Werkzeugserver {name} ist nicht benutzbar: {why}. Prüfen Sie den Zugang, den er verlangt.',
  'The tool server {name} cannot be used: {why}. Its own log may say why.':
    'Der Werkzeugserver {name} ist nicht benutzbar: {why}. Den Grund nennt vielleicht sein eigenes Protokoll.',
  'The tool server {name} did not answer within {n} s.':
    'Der Werkzeugserver {name} hat nicht innerhalb von {n} s geantwortet.',
  '{setting}: there is no tool {tool}. Did you mean {name}?':
    '{setting}: Das Werkzeug {tool} gibt es nicht. Meinten Sie {name}?',
  '{text}is not the address of a repository. Write it like https://example.org/team/project.git.':
    '{text}ist keine Adresse eines Repositorys. Schreiben Sie sie wie https://example.org/team/project.git.',
  '{text}names no repository. Write it like https://example.org/team/project.git.':
    '{text}nennt kein Repository. Schreiben Sie die Adresse wie https://example.org/team/project.git.',
  '{text}is a path. Write it like file:///srv/git/project, where the operator lists such folders.':
    '{text}ist ein Pfad. Schreiben Sie ihn wie file:///srv/git/project, sofern der Betreiber solche Ordner freigegeben hat.',
  '{text}uses SSH, which is not available in a sandbox. Use its https:// address.':
    '{text}verwendet SSH, das es in einer Sandbox nicht gibt. Verwenden Sie die https://-Adresse.',
  '{text}uses git://, which is neither encrypted nor allowed. Use its https:// address.':
    '{text}verwendet git://, das weder verschlüsselt noch erlaubt ist. Verwenden Sie die https://-Adresse.',
  '{text}has a query or a fragment. Write the branch or tag into `ref`.':
    '{text}enthält eine Abfrage oder ein Fragment. Geben Sie den Branch oder Tag als „ref“ an.',
  '{text}has a credential in it, which everyone who sees the session could read. Leave it out, and bind it to the session, its project or the server (docs/repositories.md).':
    '{text}enthält Zugangsdaten, die jeder lesen könnte, der die Sitzung sieht. Lassen Sie sie weg, und hinterlegen Sie sie bei der Sitzung, ihrem Projekt oder dem Server (docs/repositories.md).',
  'The path {path} has the part "{part}". Remove it.': 'Der Pfad {path} enthält den Teil „{part}“. Entfernen Sie ihn.',
  'The path {path} begins or ends with a slash, or has two in a row. Remove it.':
    'Der Pfad {path} beginnt oder endet mit einem Schrägstrich oder enthält zwei hintereinander. Entfernen Sie ihn.',
  'The path {path} has invisible characters. Remove them.':
    'Der Pfad {path} enthält unsichtbare Zeichen. Entfernen Sie sie.',
  'The path {path} has more than {n} parts. Use fewer folders.':
    'Der Pfad {path} hat mehr als {n} Teile. Verwenden Sie weniger Ordner.',
  'A part of the path {path} begins or ends with a space. Remove it.':
    'Ein Teil des Pfads {path} beginnt oder endet mit einem Leerzeichen. Entfernen Sie es.',
  'That path is outside of the workspace.': 'Dieser Pfad liegt außerhalb des Arbeitsbereichs.',
  '{path} is outside of the workspace.': '{path} liegt außerhalb des Arbeitsbereichs.',
  '{address}the connection failed{code}': '{address}Die Verbindung ist fehlgeschlagen{code}',
  '{address}the name does not resolve{code}': '{address}Der Name lässt sich nicht auflösen{code}',
  '{address}nothing answers{end}': '{address}Es antwortet niemand{end}',
  'The name is too long for this file system.': 'Der Name ist zu lang für dieses Dateisystem.',
  'The value must have {least} to {most} printable ASCII characters, because it is sent in a header.':
    'Der Wert muss aus {least} bis {most} druckbaren ASCII-Zeichen bestehen, weil er in einem Header gesendet wird.',
  'A name must have 1 to 24 lowercase letters and digits, and begin with a letter.':
    'Ein Name besteht aus 1 bis 24 Kleinbuchstaben und Ziffern und beginnt mit einem Buchstaben.',
  '{child} works on: {task}': '{child} arbeitet an: {task}',
  'All checks passed.': 'Alle Prüfungen bestanden.',
  'new sessions have a desktop': 'neue Sitzungen haben einen Desktop',
  'Taking a ready sandbox from the pool': 'Eine bereitstehende Sandbox wird übernommen',
  'Starting in bubblewrap': 'Start in bubblewrap',
  'Starting without isolation': 'Start ohne Isolierung',
  'Starting a container of {image}': 'Ein Container mit {image} wird gestartet',
  'Claiming a sandbox of {image}': 'Eine Sandbox mit {image} wird angefordert',
  'Starting a pod of {image}': 'Ein Pod mit {image} wird gestartet',
  'Another start of the automation is still running.': 'Ein anderer Start der Automation läuft noch.',
  'Another start of the automation is waiting for an answer.':
    'Ein anderer Start der Automation wartet auf eine Antwort.',
  '{n} starts of the automation are still running.': '{n} Starts der Automation laufen noch.',
  'Building {image}': '{image} wird gebaut',
  'Pulling {image}': '{image} wird heruntergeladen',
  // Last, because they match many sentences
  'There is no such file.': 'Diese Datei gibt es nicht.',
  'There is no such session.': 'Diese Sitzung gibt es nicht mehr, oder Sie haben keinen Zugriff darauf.',
  'There is no such terminal.': 'Dieses Terminal gibt es nicht mehr.',
  'There is no such {thing}.': 'Das gibt es nicht, oder Sie haben keinen Zugriff darauf.',
  'There are already {n} {things}. Delete some first.': 'Die Höchstzahl ({n}) ist erreicht. Löschen Sie zuerst einige.',
  'There are already {n} {things}. Revoke some first.': 'Die Höchstzahl ({n}) ist erreicht. Löschen Sie zuerst einige.',
  'There are already {n} {things}. Remove one first.': 'Die Höchstzahl ({n}) ist erreicht. Entfernen Sie zuerst etwas.',
  'It already has {n} {things}. Delete some first.': 'Die Höchstzahl ({n}) ist erreicht. Löschen Sie zuerst einige.',
  'There are already {n} {things}, the maximum.': 'Die Höchstzahl ({n}) ist erreicht.',
};
