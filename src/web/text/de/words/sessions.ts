/** Sentences of sessions, their sandboxes and repositories; see {@link serverPhrases}. */
export const sessionPhrases: Readonly<Record<string, string>> = {
  // Messages and runs
  'A run is in progress. Stop it, or wait until it ends.':
    'Es ist gerade ein Lauf aktiv. Stoppen Sie ihn, oder warten Sie, bis er endet.',
  'A run is in progress. Stop it first, or set stopsRun.': 'Es ist gerade ein Lauf aktiv. Stoppen Sie ihn zuerst.',
  'No call is waiting for approval.': 'Kein Aufruf wartet auf eine Genehmigung.',
  'The run has ended.': 'Der Lauf ist beendet.',
  'The text is empty.': 'Der Text ist leer.',
  'The text is longer than {n} characters.': 'Der Text ist länger als {n} Zeichen.',
  'goal: needs a task.': 'Ein Ziel braucht eine Aufgabe.',
  'goal: needs a rubric or a check': 'Ein Ziel braucht Kriterien oder eine Prüfung.',
  'The message at {seq} was sent to a run that was in progress. Use the seq of a message.user event that began a run.':
    'Diese Nachricht ging an einen schon aktiven Lauf und lässt sich nicht bearbeiten.',
  'There is nothing to fork yet: no run of this session has ended. Wait until one ends.':
    'Noch lässt sich nichts abzweigen: Kein Lauf dieser Sitzung ist beendet. Warten Sie, bis einer endet.',
  'No step or run of this session ended at {seq}. Use the seq of a run.end event, or of a completed or failed step.':
    'An dieser Stelle endete weder ein Schritt noch ein Lauf. Zweigen Sie an einer anderen ab.',
  'The copy of the files at this point is damaged. Nothing was started from it. Fork at another point, or without files.':
    'Die Kopie der Dateien an dieser Stelle ist beschädigt, daher wurde nichts gestartet. Zweigen Sie an einer anderen Stelle oder ohne Dateien ab.',
  'This server is draining and takes no new sessions. Use another server, or try again after its maintenance (corral undrain ends it).':
    'Der Server wird gewartet und nimmt keine neuen Sitzungen an. Versuchen Sie es nach der Wartung erneut (corral undrain beendet sie).',
  'Another server now owns this session.': 'Die Sitzung gehört jetzt einem anderen Server.',
  'The session moved between servers too often. Try again.':
    'Die Sitzung ist zu oft zwischen Servern umgezogen. Versuchen Sie es erneut.',
  'The server that owns this session did not respond in time.':
    'Der Server, dem diese Sitzung gehört, hat nicht rechtzeitig geantwortet.',
  'The store does not respond.': 'Der Datenspeicher antwortet nicht.',
  'Something went wrong in this session; it is being restarted.':
    'In dieser Sitzung ist ein Fehler aufgetreten; sie wird neu gestartet.',
  'The history cannot be written fast enough. Try again later.':
    'Der Verlauf lässt sich nicht schnell genug speichern. Versuchen Sie es später erneut.',
  "The session's template {template} no longer exists: restore templates/{name}.yaml and restart the server, or start a new session with another template.":
    'Die Vorlage {template} dieser Sitzung gibt es nicht mehr. Stellen Sie templates/{name}.yaml wieder her, und starten Sie den Server neu, oder beginnen Sie eine Sitzung mit einer anderen Vorlage.',
  'There is no template {name}. Templates: {names}.': 'Die Vorlage {name} gibt es nicht. Vorlagen: {names}.',
  'A model ({model}) would run commands on this machine without any isolation. Install bubblewrap or start Docker; or set CORRAL_UNCONFINED=1 if you accept that.':
    'Ein Modell ({model}) würde Befehle auf diesem Rechner ohne jede Isolierung ausführen. Installieren Sie bubblewrap, starten Sie Docker, oder setzen Sie CORRAL_UNCONFINED=1, wenn Sie das in Kauf nehmen.',
  'A model ({model}) would run commands in sandboxes that reach the whole network. Use a network plug-in that enforces policies; or set CORRAL_UNCONFINED=1 if you accept that.':
    'Ein Modell ({model}) würde Befehle in Sandboxen ausführen, die das ganze Netzwerk erreichen. Verwenden Sie ein Netzwerk-Plug-in, das Richtlinien durchsetzt, oder setzen Sie CORRAL_UNCONFINED=1, wenn Sie das in Kauf nehmen.',
  'The {what} is left out: {why}.': '{what} fehlt: {why}.',
  '{model} declined to answer{detail} Rephrase the message, or choose another model.':
    '{model} hat die Antwort verweigert{detail} Formulieren Sie die Nachricht um, oder wählen Sie ein anderes Modell.',
  'The next request to {model} needs about {n} tokens, and it takes {limit} besides its reply; instructions and tools alone need {least}. Choose a model with a larger window or fewer tools, or send a shorter message, to continue.':
    'Die nächste Anfrage an {model} braucht etwa {n} Tokens, möglich sind neben der Antwort {limit}; allein Anweisungen und Werkzeuge brauchen {least}. Wählen Sie ein Modell mit größerem Fenster oder weniger Werkzeuge, oder senden Sie eine kürzere Nachricht.',
  'The setup of the repository {path} failed.': 'Die Vorbereitung des Repositorys {path} ist fehlgeschlagen.',
  // Goals
  'The sandbox was lost while the check ran.': 'Die Sandbox ging während der Prüfung verloren.',
  'The grader failed.': 'Die Bewertung ist fehlgeschlagen.',
  'The grader was cut off.': 'Die Bewertung wurde abgebrochen.',
  'The model declined to grade.': 'Das Modell hat die Bewertung verweigert.',
  '{model} gave no verdict in two attempts.': '{model} hat in zwei Versuchen kein Urteil abgegeben.',
  'The demo model follows recipes and cannot judge. Choose a real model, or use checks.':
    'Das Demomodell folgt einem Skript und kann nicht urteilen. Wählen Sie ein echtes Modell, oder verwenden Sie Prüfungen.',
  // Sandboxes
  'The sandbox is not running.': 'Die Sandbox läuft nicht.',
  'The sandbox is not running. Start it first.': 'Die Sandbox läuft nicht. Starten Sie sie zuerst.',
  'The sandbox is not running, so there is nothing to pause.':
    'Die Sandbox läuft nicht, also gibt es nichts zu pausieren.',
  'The sandbox is not running, so nothing responds. A task or a command starts it.':
    'Die Sandbox läuft nicht, also antwortet nichts. Eine Aufgabe oder ein Befehl startet sie.',
  'The sandbox is not running, so no command waits for input.':
    'Die Sandbox läuft nicht, also wartet kein Befehl auf eine Eingabe.',
  'The sandbox could not be frozen and is still running. Try again, or pause it with "keeps": "files".':
    'Die Sandbox ließ sich nicht einfrieren und läuft weiter. Versuchen Sie es erneut.',
  'A run is in progress, and this pause would end its processes. Stop the run, or wait until it ends.':
    'Es ist gerade ein Lauf aktiv, dessen Prozesse diese Pause beenden würde. Stoppen Sie den Lauf, oder warten Sie, bis er endet.',
  'The driver {driver} cannot freeze processes, so a pause keeps only the files. Pause with keeps: files.':
    'Der Treiber {driver} kann Prozesse nicht einfrieren, eine Pause erhält daher nur die Dateien.',
  'The driver {driver} loses the files of a sandbox that ends, so nothing can be paused. On Kubernetes, CORRAL_KUBERNETES_WORKSPACE=volume keeps them.':
    'Beim Treiber {driver} gehen die Dateien einer beendeten Sandbox verloren, daher lässt sich nichts pausieren. Auf Kubernetes erhält CORRAL_KUBERNETES_WORKSPACE=volume sie.',
  "The sandbox could not be started because of a fault on the server. Try again in a moment. If it fails again, the operator can find the cause in the server's log under the id of this session.":
    'Die Sandbox konnte wegen eines Fehlers auf dem Server nicht starten. Versuchen Sie es gleich erneut. Schlägt es wieder fehl, findet der Betreiber die Ursache im Serverprotokoll unter der ID dieser Sitzung.',
  "The sandbox was lost because of a fault on the server. Its next use starts it again. The operator can find the cause in the server's log under the id of this session.":
    'Die Sandbox ging wegen eines Fehlers auf dem Server verloren. Bei der nächsten Verwendung startet sie neu. Der Betreiber findet die Ursache im Serverprotokoll unter der ID dieser Sitzung.',
  'The connection to the sandbox was lost.': 'Die Verbindung zur Sandbox ging verloren.',
  'This sandbox has {n} open streams, the maximum. Close some first.':
    'Diese Sandbox hat {n} offene Verbindungen, mehr sind nicht möglich. Schließen Sie zuerst einige.',
  'The host has {free} of free disk space, and sandboxes start only with {least} or more. Delete sessions that are not needed, or files on the host; CORRAL_SANDBOX_MIN_FREE_DISK sets how much must be free.':
    'Der Rechner hat noch {free} freien Speicherplatz, Sandboxen starten erst ab {least}. Löschen Sie nicht benötigte Sitzungen oder Dateien auf dem Rechner; CORRAL_SANDBOX_MIN_FREE_DISK legt fest, wie viel frei sein muss.',
  'The files use {used} of the {limit} allowed (CORRAL_SANDBOX_DISK). The processes that wrote them were stopped, and all files are kept. Remove some files.':
    'Die Dateien belegen {used} von erlaubten {limit} (CORRAL_SANDBOX_DISK). Die schreibenden Prozesse wurden beendet, alle Dateien bleiben erhalten. Entfernen Sie einige Dateien.',
  "The host's disk is nearly full, and this sandbox uses most of it ({used}), so it was stopped. Its files are kept.":
    'Der Speicherplatz des Rechners ist fast voll, und diese Sandbox belegt davon am meisten ({used}), daher wurde sie beendet. Ihre Dateien bleiben erhalten.',
  '{manager} could not install {names}: {output} Check packages.{key} of the template {template}, and that its egress policy ({policy}) opens the registry. The sandbox starts again with the next command.':
    '{manager} konnte {names} nicht installieren: {output} Prüfen Sie packages.{key} der Vorlage {template}, und ob ihre Netzwerkrichtlinie ({policy}) die Paketquelle erlaubt. Mit dem nächsten Befehl startet die Sandbox erneut.',
  'The service {name} is not available: {why}.': 'Der Dienst {name} ist nicht verfügbar: {why}.',
  'The service {name} is ready at {where}.': 'Der Dienst {name} ist bereit unter {where}.',
  'The service {name} is ready.': 'Der Dienst {name} ist bereit.',
  'The Docker engine does not answer.': 'Docker antwortet nicht.',
  'The Docker engine did not answer within 5 s.': 'Docker hat nicht innerhalb von 5 s geantwortet.',
  'The sandbox was removed.': 'Die Sandbox wurde entfernt.',
  'The sandbox was killed because it ran out of memory.':
    'Die Sandbox wurde beendet, weil ihr Arbeitsspeicher voll war.',
  'The sandbox ended with exit code {code}.': 'Die Sandbox endete mit Exit-Code {code}.',
  'The volume {name} at {path} no longer exists.': 'Das Volume {name} unter {path} gibt es nicht mehr.',
  'The volume {name} at {path} is in another project.':
    'Das Volume {name} unter {path} gehört zu einem anderen Projekt.',
  // Files that changed while a sandbox was stopped
  '{files} of the sandbox changed or went missing after it ended at {time}. {why}':
    'Dateien der Sandbox haben sich nach ihrem Ende um {time} geändert oder fehlen. {why}',
  'The copy {place} replaced all files. {why}': 'Eine frühere Kopie hat alle Dateien ersetzt. {why}',
  'There is no complete copy, so the files are used as they are. {why}':
    'Es gibt keine vollständige Kopie, daher gelten die Dateien, wie sie sind. {why}',
  '{why} The damaged ones are in the folder {folder}.': '{why} Die beschädigten liegen im Ordner {folder}.',
  'The server cannot tell which ones differ, because their list is damaged too.':
    'Welche abweichen, lässt sich nicht sagen, weil auch ihre Liste beschädigt ist.',
  'Nothing is lost.': 'Nichts ging verloren.',
  'Missing or older now: {names}.': 'Jetzt fehlend oder älter: {names}.',
  'Damaged: {names}.': 'Beschädigt: {names}.',
  'The files could not be compared with their state when the sandbox ended, and are used as they are. {why}':
    'Die Dateien ließen sich nicht mit ihrem Stand beim Ende der Sandbox vergleichen und gelten, wie sie sind. {why}',
  // Desktop
  'VNC is not available': 'Der Desktop ist nicht verfügbar.',
  'VNC is not available: the sandbox is stopped.': 'Der Desktop ist nicht verfügbar: Die Sandbox ist gestoppt.',
  'VNC is not available. {why}': 'Der Desktop ist nicht verfügbar. {why}',
  'The image with the desktop is being built (for {seconds} s, {step}). New sandboxes will have a desktop once it is ready.':
    'Das Image mit dem Desktop wird gebaut (seit {seconds} s, {step}). Danach haben neue Sandboxen einen Desktop.',
  'The image with the desktop is being built (for {seconds} s). New sandboxes will have a desktop once it is ready.':
    'Das Image mit dem Desktop wird gebaut (seit {seconds} s). Danach haben neue Sandboxen einen Desktop.',
  'The image with the desktop could not be built. The server will try again. {output}':
    'Das Image mit dem Desktop konnte nicht gebaut werden. Der Server versucht es erneut. {output}',
  'This sandbox is older than the image with the desktop. A person can add the desktop with the command `corral desktop --add`, or the procedure desktop.add.':
    'Diese Sandbox ist älter als das Image mit dem Desktop. Fügen Sie den Desktop im Tab „Desktop“ oder mit dem Befehl `corral desktop --add` hinzu.',
  'The agent is working, and its sandbox would restart. Stop the run, or wait until it ends.':
    'Der Agent arbeitet, und seine Sandbox würde neu starten. Stoppen Sie den Lauf, oder warten Sie, bis er endet.',
  'The desktop is not running.': 'Der Desktop läuft nicht.',
  'The desktop was stopped.': 'Der Desktop wurde beendet.',
  'The desktop runs, {width} × {height}.': 'Der Desktop läuft, {width} × {height}.',
  '{n} viewers are already watching this desktop. Close one of them.':
    'Schon {n} Betrachter sehen diesen Desktop. Schließen Sie einen davon.',
  'No viewer with this name is watching the desktop.': 'Kein Betrachter dieses Namens sieht den Desktop.',
  'This viewer can only watch.': 'Dieser Betrachter kann nur zusehen.',
  'The viewer gave the keyboard and mouse back to the agent.': 'Tastatur und Maus wurden dem Agenten zurückgegeben.',
  'The viewer left; the keyboard and mouse are the agent’s again.':
    'Der Betrachter ist gegangen; der Agent hat wieder Tastatur und Maus.',
  'The server of the viewer stopped; the keyboard and mouse are the agent’s again.':
    'Der Server des Betrachters wurde beendet; der Agent hat wieder Tastatur und Maus.',
  'The viewer was inactive; the keyboard and mouse are the agent’s again.':
    'Der Betrachter war inaktiv; der Agent hat wieder Tastatur und Maus.',
  'A viewer took the keyboard and mouse; the input of the agent is paused.':
    'Eine Person hat Tastatur und Maus übernommen; Eingaben des Agenten pausieren.',
  'A viewer took the keyboard and mouse from another viewer; the input of the agent is paused.':
    'Eine Person hat Tastatur und Maus von einer anderen übernommen; Eingaben des Agenten pausieren.',
  // Network, ports and links
  "The egress policy is '{policy}', so this sandbox has no network access and no host can be allowed. Start the server with another CORRAL_EGRESS_POLICY, such as allow-list.":
    'Die Netzwerkrichtlinie ist „{policy}“, daher hat diese Sandbox keinen Netzwerkzugriff, und kein Host lässt sich erlauben. Starten Sie den Server mit einer anderen CORRAL_EGRESS_POLICY, zum Beispiel allow-list.',
  'This sandbox has no network access, and its driver cannot add it while it runs. Pause or stop it, then change the rules.':
    'Diese Sandbox hat keinen Netzwerkzugriff, und ihr Treiber kann ihn im Betrieb nicht hinzufügen. Pausieren oder stoppen Sie die Sandbox, und ändern Sie dann die Regeln.',
  'The session already has {n} allowed hosts. Revoke some first.':
    'Die Sitzung hat schon {n} erlaubte Hosts. Entfernen Sie zuerst einige.',
  'The session already has {n} previews. Close some first.':
    'Die Sitzung hat schon {n} Vorschauen. Schließen Sie zuerst einige.',
  'The session already has {n} links. Revoke some first.':
    'Die Sitzung hat schon {n} Links. Widerrufen Sie zuerst einige.',
  'A preview lasts at most {n} h (CORRAL_PREVIEWS_MAX_HOURS).':
    'Eine Vorschau gilt höchstens {n} h (CORRAL_PREVIEWS_MAX_HOURS).',
  'No port can be opened, because nothing isolates this sandbox. Install bubblewrap or start Docker.':
    'Es lässt sich kein Port öffnen, weil nichts diese Sandbox isoliert. Installieren Sie bubblewrap, oder starten Sie Docker.',
  'Port {port} is reserved by Corral and cannot be opened.':
    'Port {port} ist für Corral reserviert und lässt sich nicht öffnen.',
  'This link is not valid: it has expired, was revoked, or is incomplete.':
    'Dieser Link ist ungültig: Er ist abgelaufen, wurde widerrufen oder ist unvollständig.',
  'This link does not share files.': 'Dieser Link gibt keine Dateien frei.',
  'The files cannot be read while the sandbox is not running. Ask the owner to start it.':
    'Die Dateien sind nicht lesbar, solange die Sandbox nicht läuft. Bitten Sie den Besitzer, sie zu starten.',
  // Files
  'A path cannot contain NUL.': 'Ein Pfad darf kein NUL-Zeichen enthalten.',
  'That path is not a file.': 'Dieser Pfad ist keine Datei.',
  'The file has changed since you opened it. Open it again to see the change.':
    'Die Datei wurde geändert, seit Sie sie geöffnet haben. Öffnen Sie sie erneut, um die Änderung zu sehen.',
  'The sandbox cannot write the file: {why}.': 'Die Sandbox kann die Datei nicht schreiben: {why}.',
  'its disk may be full': 'Vielleicht ist ihr Speicherplatz voll',
  'The transfer ended early ({code}).': 'Die Übertragung brach vorzeitig ab ({code}).',
  'The transfer ended early ({code}): {output}.': 'Die Übertragung brach vorzeitig ab ({code}): {output}.',
  'There is no such file, or its sandbox is stopped: send a message to start it.':
    'Diese Datei gibt es nicht, oder ihre Sandbox ist gestoppt: Senden Sie eine Nachricht, um sie zu starten.',
  'The file is larger than the limit of {n} bytes.': 'Die Datei ist größer als die erlaubten {n} Byte.',
  'The file is larger than {n} bytes.': 'Die Datei ist größer als {n} Byte.',
  'The file is larger than 50 MiB.': 'Die Datei ist größer als 50 MiB.',
  'There is no space left for files.': 'Für Dateien ist kein Speicherplatz mehr frei.',
  'The upload was interrupted before its end.': 'Der Upload wurde vor dem Ende unterbrochen.',
  'The file storage does not respond.': 'Der Dateispeicher antwortet nicht.',
  'The project of this file was deleted.': 'Das Projekt dieser Datei wurde gelöscht.',
  'This server keeps no files.': 'Dieser Server bewahrt keine Dateien auf.',
  'There are no files to pack in that folder.': 'In diesem Ordner gibt es keine Dateien zum Packen.',
  'There are too many files to pack: download only what you need':
    'Es sind zu viele Dateien zum Packen. Laden Sie nur herunter, was Sie brauchen.',
  '{path} is larger than 50 MiB: download only what you need':
    '{path} ist größer als 50 MiB. Laden Sie nur herunter, was Sie brauchen.',
  'The files are larger than 1 GiB together: download only what you need':
    'Die Dateien sind zusammen größer als 1 GiB. Laden Sie nur herunter, was Sie brauchen.',
  // Attempts
  'Other attempts of this session are in progress. Wait for them, or stop them first.':
    'Andere Versuche dieser Sitzung laufen noch. Warten Sie, oder stoppen Sie sie zuerst.',
  'No run of this session has ended yet, so it cannot be forked. Use copy or none.':
    'Noch ist kein Lauf dieser Sitzung beendet, daher lässt sie sich nicht abzweigen. Wählen Sie einen anderen Ausgangspunkt.',
  'A child of a child cannot have attempts.': 'Der Unteragent eines Unteragenten kann keine Versuche haben.',
  'The session of attempt {n} was deleted.': 'Die Sitzung von Versuch {n} wurde gelöscht.',
  'There is no attempt {n}.': 'Versuch {n} gibt es nicht.',
  'Another attempt is already being chosen.': 'Es wird schon ein anderer Versuch übernommen.',
  'Attempt {n} was not started.': 'Versuch {n} wurde nicht gestartet.',
  'Attempt {n} has not ended. Wait for it, or stop it.':
    'Versuch {n} ist noch nicht beendet. Warten Sie, oder stoppen Sie ihn.',
  'This attempt has no diff yet. Wait until it ends.':
    'Von diesem Versuch gibt es noch keine Änderungen. Warten Sie, bis er endet.',
  'The session of the chosen attempt no longer exists.': 'Die Sitzung des gewählten Versuchs gibt es nicht mehr.',
  'A run of the session is in progress. Wait until it ends.':
    'In der Sitzung läuft gerade ein Lauf. Warten Sie, bis er endet.',
  'The attempts were stopped before it began.': 'Die Versuche wurden gestoppt, bevor er begann.',
  '{why} Choose again.': '{why} Wählen Sie erneut.',
  // Repositories
  'The session has no repository in the folder {path}.': 'Die Sitzung hat im Ordner {path} kein Repository.',
  'The session has no repository {path}.': 'Die Sitzung hat kein Repository {path}.',
  'The repository {path} already exists.': 'Das Repository {path} gibt es schon.',
  'The repository {path} is not fetched, so it has no branch yet.':
    'Das Repository {path} ist noch nicht geklont und hat keinen Branch.',
  'The repository {path} could not be fetched: {why}': 'Das Repository {path} konnte nicht geklont werden: {why}',
  'it has not been fetched yet.': 'Es wurde noch nicht geklont.',
  'The repository was not fetched.': 'Das Repository wurde nicht geklont.',
  '{text}has a path with other characters than letters, digits and . _ ~ + -, or a part that begins with a dot.':
    '{text}hat einen Pfad mit anderen Zeichen als Buchstaben, Ziffern und . _ ~ + - oder einem Teil, der mit einem Punkt beginnt.',
  '{field}: must be the name of a branch or tag, or a commit':
    'Geben Sie den Namen eines Branches oder Tags oder einen Commit an.',
  '{field}: is not a name that git accepts': 'Diesen Branch- oder Tag-Namen nimmt git nicht an.',
  '{field}: must be a folder of the workspace, such as project or work/project':
    'Geben Sie einen Ordner des Arbeitsbereichs an, zum Beispiel project oder work/project.',
  '{field}: go into the same folder, or one into the folder of another. Give them different paths':
    'Zwei Repositorys kämen in denselben Ordner oder eines in den Ordner eines anderen. Geben Sie ihnen verschiedene Pfade.',
  'The folder {path} already has files. Choose another path for {url}.':
    'Der Ordner {path} enthält schon Dateien. Wählen Sie einen anderen Pfad für {url}.',
  '{url} redirects to another host: {output}. Use that address if you trust it.':
    '{url} leitet zu einem anderen Host weiter: {output}. Verwenden Sie dessen Adresse, wenn Sie ihr vertrauen.',
  '{url} has no branch, tag or commit {ref}. Check its name.':
    '{url} hat weder Branch noch Tag oder Commit {ref}. Prüfen Sie den Namen.',
  '{url} is in {path}, on the branch {branch}, at {commit}. It defines the services {names}, which a person must allow.':
    '{url} liegt in {path}, auf dem Branch {branch}, bei {commit}. Es definiert die Dienste {names}, die eine Person erlauben muss.',
  'Git did not finish within {seconds} s, so it was ended. Try again, or fetch fewer commits with depth.':
    'Git wurde nach {seconds} s abgebrochen. Versuchen Sie es erneut, oder klonen Sie mit „depth“ weniger Commits.',
  'The sandbox has no git. Use an image that has it: the one that comes with Corral does (docs/repositories.md).':
    'In der Sandbox fehlt git. Verwenden Sie ein Image mit git, zum Beispiel das von Corral (docs/repositories.md).',
  'The folder {path} is no longer a repository: its .git is missing or not a folder. Fetch it again in a new session.':
    'Der Ordner {path} ist kein Repository mehr: Sein .git fehlt oder ist kein Ordner. Klonen Sie es in einer neuen Sitzung erneut.',
  'There is no folder {url} on the server.': 'Auf dem Server gibt es keinen Ordner {url}.',
  "{url} cannot be read: the server's user has no permission to read it.":
    '{url} ist nicht lesbar: Dem Benutzer des Servers fehlt die Berechtigung.',
  "{url} cannot be read: the server's user has no permission to read its files.":
    '{url} ist nicht lesbar: Dem Benutzer des Servers fehlt die Berechtigung für seine Dateien.',
  '{url} cannot be read: its {name} is a link or not a file. Links are not followed.':
    '{url} ist nicht lesbar: {name} ist ein Link oder keine Datei. Links wird nicht gefolgt.',
  '{url} is a link that leads out of the folders of {setting}, so it is not followed.':
    '{url} ist ein Link, der aus den Ordnern von {setting} hinausführt. Ihm wird nicht gefolgt.',
  '{url} has a .git that is not a folder, as in linked worktrees and submodules. Use the repository that it belongs to.':
    '{url} hat ein .git, das kein Ordner ist, wie in verknüpften Worktrees und Submodulen. Verwenden Sie das zugehörige Repository.',
  '{url} is not a git repository: it has no HEAD and no objects folder.':
    '{url} ist kein Git-Repository: HEAD oder der Ordner objects fehlt.',
  '{url} keeps its branches as a reftable, which Corral does not read. Clone it, and name the clone.':
    '{url} speichert Branches als Reftable, die Corral nicht liest. Klonen Sie es, und geben Sie den Klon an.',
  '{url} is a partial clone, so some of its objects are elsewhere. Fetch all of them first.':
    '{url} ist ein unvollständiger Klon, dem Objekte fehlen. Laden Sie sie zuerst alle.',
  '{url} borrows objects of another folder (objects/info/alternates). Run git repack -a -d and remove that file.':
    '{url} verwendet Objekte eines anderen Ordners (objects/info/alternates). Führen Sie git repack -a -d aus, und entfernen Sie diese Datei.',
  '{url} has a HEAD that refers to no branch or commit.': 'HEAD von {url} verweist auf keinen Branch oder Commit.',
  '{url} has more than {n} branches and tags. Remove some, or serve it over HTTPS.':
    '{url} hat mehr als {n} Branches und Tags. Entfernen Sie einige, oder stellen Sie es über HTTPS bereit.',
  '{url} has a {name} of {n} bytes.': '{url} enthält {name} mit {n} Byte.',
  '{url} changed while it was read. Fetch it again.': '{url} wurde während des Lesens geändert. Klonen Sie es erneut.',
  '{path}/.corral cannot be read: {output}': '{path}/.corral ist nicht lesbar: {output}',
  'Files listed under cache cannot be read: {output}': 'Dateien, die unter cache stehen, sind nicht lesbar: {output}',
  '.corral/setup.sh of {path} took longer than 30 minutes. {output}':
    '.corral/setup.sh von {path} dauerte länger als 30 Minuten. {output}',
  '.corral/setup.sh of {path} took longer than 30 minutes.':
    '.corral/setup.sh von {path} dauerte länger als 30 Minuten.',
  '{path} could not be prepared: {why}': '{path} konnte nicht vorbereitet werden: {why}',
  '.corral/setup.sh of {path} ran. Its files are larger than repositories.prepared-bytes, so they are not kept for later sessions.':
    '.corral/setup.sh von {path} ist durchgelaufen. Die Dateien sind größer als repositories.prepared-bytes und werden daher nicht für spätere Sitzungen aufbewahrt.',
  '.corral/setup.sh of {path} ran. Its files are not kept: {why}':
    '.corral/setup.sh von {path} ist durchgelaufen. Die Dateien werden nicht aufbewahrt: {why}',
  '.corral/corral.yaml of {path} has no service {name}.':
    '.corral/corral.yaml von {path} enthält keinen Dienst {name}.',
  'The repository {path} defines no services. Add some to its .corral/corral.yaml.':
    'Das Repository {path} definiert keine Dienste. Fügen Sie sie in seine .corral/corral.yaml ein.',
  'The session already has a service {name}, so the one from {path} cannot be added.':
    'Die Sitzung hat schon einen Dienst {name}, daher lässt sich der aus {path} nicht hinzufügen.',
  '.corral/corral.yaml of {path} has no check {name}.': '.corral/corral.yaml von {path} enthält keine Prüfung {name}.',
  'The repository {path} defines no checks. Add some to its .corral/corral.yaml.':
    'Das Repository {path} definiert keine Prüfungen. Fügen Sie sie in seine .corral/corral.yaml ein.',
  'The patch is larger than {n} kB. Push the branch instead.':
    'Der Patch ist größer als {n} kB. Pushen Sie stattdessen den Branch.',
  'Git created no commit. Check the repository.': 'Git hat keinen Commit erstellt. Prüfen Sie das Repository.',
  'Git pushed nothing. Check the repository.': 'Git hat nichts gepusht. Prüfen Sie das Repository.',
  'Nothing has changed in {path}.': 'In {path} hat sich nichts geändert.',
  '{url} rejected the branch: {output} Fetch and merge its commits, or push to another branch.':
    '{url} hat den Branch abgelehnt: {output} Holen Sie seine Commits, und führen Sie sie zusammen, oder pushen Sie auf einen anderen Branch.',
  'Git failed in {path}: {why}': 'Git ist in {path} fehlgeschlagen: {why}',
  'Git failed: {why}': 'Git ist fehlgeschlagen: {why}',
  'git ended with exit code {code}.': 'git endete mit Exit-Code {code}.',
  'Corral does not write to folders of the server, so nothing is pushed to {url}. Download the patch.':
    'Corral schreibt nicht in Ordner des Servers, daher wird nichts nach {url} gepusht. Laden Sie den Patch herunter.',
  'This session may only read {url}. Start one with write access to the repository, or download the patch.':
    'Diese Sitzung darf {url} nur lesen. Starten Sie eine mit Schreibzugriff auf das Repository, oder laden Sie den Patch herunter.',
  'There is no such checkpoint in this workspace.': 'Diesen Sicherungspunkt gibt es in diesem Arbeitsbereich nicht.',
  'The session has no checkpoint {n}.': 'Die Sitzung hat keinen Sicherungspunkt {n}.',
  // Pull requests
  'No credential of this session can {access} {url}. Bind one for {host}, or one for git of {other}.':
    'Für {url} fehlen dieser Sitzung Zugangsdaten. Hinterlegen Sie welche für {host} oder für git auf {other}.',
  '1 file has uncommitted changes. Commit or undo them first.':
    '1 Datei hat Änderungen ohne Commit. Committen oder verwerfen Sie sie zuerst.',
  '{n} files have uncommitted changes. Commit or undo them first.':
    '{n} Dateien haben Änderungen ohne Commit. Committen oder verwerfen Sie sie zuerst.',
  'The branch of {path} has no pull request yet.': 'Der Branch von {path} hat noch keinen Pull Request.',
  'The session has already received all feedback.': 'Die Sitzung hat schon alle Rückmeldungen bekommen.',
  'Opened pull request #{n}: {url}': 'Pull Request #{n} geöffnet: {url}',
  '{host} did not answer within {n} seconds. Try again.':
    '{host} hat nicht innerhalb von {n} Sekunden geantwortet. Versuchen Sie es erneut.',
  '{host} sent a response that does not match its API. Check the address and kind of the forge in forges.servers.':
    'Die Antwort von {host} passt nicht zu seiner API. Prüfen Sie Adresse und Art in forges.servers.',
  '{host} answered with more than {n} MiB.': '{host} antwortete mit mehr als {n} MiB.',
  'The connection to {host} was interrupted. Try again.':
    'Die Verbindung zu {host} wurde unterbrochen. Versuchen Sie es erneut.',
  '{host} rate-limits this credential. Try again later.':
    '{host} begrenzt Anfragen mit diesen Zugangsdaten. Versuchen Sie es später erneut.',
  '{host} rate-limits this credential. Try again in {n} seconds.':
    '{host} begrenzt Anfragen mit diesen Zugangsdaten. Versuchen Sie es in {n} Sekunden erneut.',
  '{host} reports that the repository has moved. Use its new URL.':
    'Laut {host} ist das Repository umgezogen. Verwenden Sie die neue URL.',
  '{host} rejected the credential ({reply}). Store a valid one.':
    '{host} hat die Zugangsdaten abgelehnt ({reply}). Hinterlegen Sie gültige.',
  '{host} refused ({reply}). Grant the credential the missing permission.':
    '{host} hat abgelehnt ({reply}). Geben Sie den Zugangsdaten die fehlende Berechtigung.',
  '{host} has no such repository, branch or pull request, or the credential cannot see it ({reply}).':
    '{host} hat kein solches Repository, keinen solchen Branch oder Pull Request, oder die Zugangsdaten sehen ihn nicht ({reply}).',
  '{host} refused the request ({reply}).': '{host} hat die Anfrage abgelehnt ({reply}).',
  '{host} failed ({reply}). Try again later.':
    'Bei {host} ist ein Fehler aufgetreten ({reply}). Versuchen Sie es später erneut.',
  // Built templates
  'Another server runs this build, and only that server can stop it.':
    'Diesen Build führt ein anderer Server aus, und nur der kann ihn stoppen.',
  'The server stopped while it was building the template. Build it again.':
    'Der Server wurde während des Builds beendet. Bauen Sie die Vorlage erneut.',
  'The build was stopped.': 'Der Build wurde gestoppt.',
  'The build took longer than the limit of {n} s.': 'Der Build dauerte länger als die erlaubten {n} s.',
  'The command ended with exit code {code}, probably because the build ran out of memory.':
    'Der Befehl endete mit Exit-Code {code}, vermutlich weil der Arbeitsspeicher voll war.',
  'The command ended with exit code {code}.': 'Der Befehl endete mit Exit-Code {code}.',
};
