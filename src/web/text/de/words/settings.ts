/** Sentences of the settings, automations, webhooks and skills; see {@link serverPhrases}. */
export const settingsPhrases: Readonly<Record<string, string>> = {
  // Defaults and limits
  'Expected a whole number, {least} or more.': 'Geben Sie eine ganze Zahl ab {least} ein.',
  'Expected a whole number from {least} to {most}.': 'Geben Sie eine ganze Zahl von {least} bis {most} ein.',
  'Expected a number from {least} to {most}.': 'Geben Sie eine Zahl von {least} bis {most} ein.',
  'Expected bytes, or a size such as 512MiB or 2GiB.': 'Geben Sie eine ganze Zahl in Byte ein.',
  'Expected one of {values}.': 'Wählen Sie einen dieser Werte: {values}.',
  'Expected the name of a template.': 'Geben Sie den Namen einer Vorlage an.',
  'Expected hosts such as example.com, *.example.com or example.com:8443.':
    'Geben Sie Hosts an, zum Beispiel example.com, *.example.com oder example.com:8443.',
  'Expected names of tools such as shell_exec, or *.':
    'Geben Sie Namen von Werkzeugen an, zum Beispiel shell_exec, oder *.',
  'Expected names of tools, groups such as bash, or globs such as browser_*.':
    'Geben Sie Namen von Werkzeugen, Gruppen wie bash oder Muster wie browser_* an.',
  'Expected a list of at most {n} rules, each with action (allow, ask or deny), tool (a name in lower case such as shell_exec, or a glob), and pattern.':
    'Höchstens {n} Regeln sind möglich. Jede braucht ein Werkzeug: einen kleingeschriebenen Namen wie shell_exec oder ein Muster wie browser_*.',
  '{setting} is set and overrides values entered here. Remove it and restart the server first.':
    '{setting} ist gesetzt und hat Vorrang vor Eingaben auf dieser Seite. Entfernen Sie es, und starten Sie den Server neu.',
  "'{text}' is not a host. Write it like example.org, *.example.org or example.org:8443.":
    '„{text}“ ist kein Host. Schreiben Sie ihn wie example.org, *.example.org oder example.org:8443.',
  // Keys and people
  'The first key must have the role admin: from then on requests need a key, and only an admin can create more. Create an admin key first, or set CORRAL_TOKEN.':
    'Der erste Schlüssel muss die Rolle „Administrator“ haben: Danach braucht jede Anfrage einen Schlüssel, und nur Administratoren können weitere anlegen. Legen Sie zuerst einen Administratorschlüssel an, oder setzen Sie CORRAL_TOKEN.',
  'This is the last key with the role admin. Create another admin key first.':
    'Das ist der letzte Administratorschlüssel. Legen Sie zuerst einen weiteren an.',
  'The key would already be expired. Choose a later date.':
    'Der Schlüssel wäre schon abgelaufen. Wählen Sie ein späteres Datum.',
  'You have fewer rights than the role {role}, so your key cannot have it.':
    'Sie haben weniger Rechte als die Rolle {role}, daher kann Ihr Schlüssel diese Rolle nicht bekommen.',
  'You already have {n} keys, the maximum. Revoke one of them.':
    'Sie haben schon {n} Schlüssel, mehr sind nicht möglich. Widerrufen Sie einen davon.',
  'This server does not accept tokens of that issuer. Add its address to CORRAL_PROGRAMS_ISSUERS.':
    'Dieser Server akzeptiert keine Tokens dieses Ausstellers. Nehmen Sie dessen Adresse in CORRAL_PROGRAMS_ISSUERS auf.',
  "{what}: sandboxes have no isolation here, so users can read each other's files. Install bubblewrap or start Docker.":
    'Mehrere Benutzer sind hier nicht möglich: Die Sandboxen sind nicht isoliert, und jeder könnte die Dateien der anderen lesen. Installieren Sie bubblewrap, oder starten Sie Docker.',
  'Only a person who is signed in can have personal keys. Sign in on the page, or with corral login.':
    'Persönliche Schlüssel gibt es nur für angemeldete Personen. Melden Sie sich auf der Seite oder mit corral login an.',
  'Only a person who is signed in on the page can allow a command.':
    'Nur eine auf der Seite angemeldete Person kann einen Befehl zulassen.',
  'This code is not valid. Run corral login again.': 'Dieser Code ist ungültig. Führen Sie corral login erneut aus.',
  'This server has no keys.': 'Auf diesem Server gibt es keine Schlüssel.',
  'This server has no identity provider.': 'Dieser Server hat keinen Identitätsanbieter.',
  'A valid token is needed.': 'Ein gültiges Token ist erforderlich.',
  'Too many wrong credentials came from this address. Try again in a minute.':
    'Von dieser Adresse kamen zu viele falsche Zugangsdaten. Versuchen Sie es in einer Minute erneut.',
  '{name} does not answer. Try again in a minute.': '{name} antwortet nicht. Versuchen Sie es in einer Minute erneut.',
  'The role {role} in this project does not allow this.': 'Die Rolle {role} in diesem Projekt erlaubt das nicht.',
  'The role {role} does not allow this.': 'Die Rolle {role} erlaubt das nicht.',
  'Pages of {origin} may only read here. Add that origin to CORRAL_CORS_ORIGINS, or set CORRAL_TOKEN and have the page send it.':
    'Seiten von {origin} dürfen hier nur lesen. Nehmen Sie diese Adresse in CORRAL_CORS_ORIGINS auf, oder setzen Sie CORRAL_TOKEN, und lassen Sie die Seite das Token senden.',
  'at most 20 claims': 'höchstens 20 Claims sind möglich',
  'one claim needs more than wildcards': 'mindestens ein Claim braucht mehr als Platzhalter',
  // Projects
  'This is the owner, who has all rights in the project.': 'Das ist der Besitzer, der im Projekt alle Rechte hat.',
  'This is the owner. Hand the project over to another person first.':
    'Das ist der Besitzer. Übergeben Sie das Projekt zuerst an eine andere Person.',
  'This is the last maintainer. Make another member a maintainer first.':
    'Das ist der letzte Maintainer. Machen Sie zuerst ein anderes Mitglied zum Maintainer.',
  'The project already has {n} members, the maximum. Add a group.':
    'Das Projekt hat schon {n} Mitglieder, mehr sind nicht möglich. Fügen Sie eine Gruppe hinzu.',
  'The project has no such member.': 'Dieses Mitglied gibt es im Projekt nicht.',
  'There is no person or key with this ID. People find their ID in Settings, Account.':
    'Es gibt keine Person und keinen Schlüssel mit dieser ID. Ihre ID finden Personen unter „Einstellungen > Konto“.',
  'There is no such identity provider, so nobody can belong to its groups.':
    'Diesen Identitätsanbieter gibt es nicht, also kann niemand zu seinen Gruppen gehören.',
  'This person cannot work in the project. Add the person as a member first.':
    'Diese Person kann nicht im Projekt arbeiten. Fügen Sie sie zuerst als Mitglied hinzu.',
  'There is already a {kind} named {name}. Rename or delete one first.':
    'Den Namen {name} gibt es dort schon. Benennen Sie zuerst eines von beiden um, oder löschen Sie es.',
  // Budgets
  'The limit of {list} is reached: {used} of {limit} {why}; {needs} more are needed. {advice}, or ask an administrator to raise the limit (Settings › Usage, or corral budget set).':
    'Das Limit {list} ist erreicht: {used} von {limit} {why}, weitere {needs} sind nötig. Geben Sie Kapazität frei, oder bitten Sie einen Administrator, das Limit zu erhöhen („Einstellungen > Verbrauch“).',
  'The limit of {list} is reached: {used} of {limit} {why}. {advice}, or ask an administrator to raise the limit (Settings › Usage, or corral budget set).':
    'Das Limit {list} ist erreicht: {used} von {limit} {why}. Geben Sie Kapazität frei, oder bitten Sie einen Administrator, das Limit zu erhöhen („Einstellungen > Verbrauch“).',
  'this person': 'dieser Person',
  'this project': 'dieses Projekts',
  'the server': 'des Servers',
  sessions: 'Sitzungen',
  'running runs': 'gleichzeitigen Läufen',
  'processors in running sandboxes': 'CPU-Kernen in laufenden Sandboxen',
  'MiB of memory in running sandboxes': 'MiB Arbeitsspeicher in laufenden Sandboxen',
  'MiB of disk': 'MiB Speicherplatz',
  snapshots: 'Snapshots',
  // Secrets
  "The credential '{name}' already sets {place}. Revoke it first.":
    'Das Geheimnis „{name}“ setzt schon {place}. Löschen Sie es zuerst.',
  "The credential '{name}' of {setting} already sets {place}.":
    'Das Geheimnis „{name}“ aus {setting} setzt schon {place}.',
  "{setting} sets the credential '{name}' and overrides values entered here. Change it there and restart the server.":
    '{setting} setzt das Geheimnis „{name}“ und hat Vorrang vor Eingaben auf dieser Seite. Ändern Sie es dort, und starten Sie den Server neu.',
  "There is no credential '{name}' here.": 'Das Geheimnis „{name}“ gibt es hier nicht.',
  'must not begin with CORRAL_': 'darf nicht mit CORRAL_ beginnen',
  'is a header that the proxy writes itself': 'ist ein Header, den der Proxy selbst setzt',
  'must be like /team or /team/project': 'muss die Form /team oder /team/project haben',
  'must not be empty': 'darf nicht leer sein',
  'must not contain NUL': 'darf kein NUL-Zeichen enthalten',
  'must be one line': 'muss eine einzelne Zeile sein',
  // Models and keys
  '{provider} does not list its models.': '{provider} bietet keine Modellliste an.',
  'No answer within {n} s.': 'Keine Antwort innerhalb von {n} s.',
  '{provider} has a fixed address.': '{provider} hat eine feste Adresse.',
  '{provider} is already defined in the settings (models.compatible.{name}), which take precedence. Choose another name.':
    '{provider} ist schon in den Einstellungen des Servers definiert (models.compatible.{name}), die Vorrang haben. Wählen Sie einen anderen Namen.',
  'A name must be unique, with 1 to 31 lowercase letters, digits and hyphens.':
    'Ein Name muss eindeutig sein und aus 1 bis 31 Kleinbuchstaben, Ziffern und Bindestrichen bestehen.',
  'Set the address of {provider}.': 'Geben Sie die Adresse von {provider} an.',
  'The provider lists no models that an agent can use.':
    'Der Anbieter nennt keine Modelle, die ein Agent verwenden kann.',
  'There are {n} servers, the maximum. Remove one first.':
    'Es gibt schon {n} Server, mehr sind nicht möglich. Entfernen Sie zuerst einen.',
  'No settings were entered for {provider} on the page.': 'Für {provider} wurde auf der Seite nichts eingegeben.',
  'The address must be like https://models.example.com/v1, without a user, query or fragment.':
    'Die Adresse muss die Form https://models.example.com/v1 haben, ohne Benutzer, Abfrage und Fragment.',
  'The address is on this machine or in a private network, which this server does not connect to. Add it to corral.yaml under models.compatible, or set CORRAL_MODELS_PRIVATE_ADDRESSES=allow.':
    'Die Adresse liegt auf diesem Rechner oder in einem privaten Netzwerk, mit dem sich dieser Server nicht verbindet. Tragen Sie sie in corral.yaml unter models.compatible ein, oder setzen Sie CORRAL_MODELS_PRIVATE_ADDRESSES=allow.',
  // Tool servers
  'The address must be like https://tools.example.com/mcp, without a user and a fragment. Set programs in corral.yaml, a template or a session.':
    'Die Adresse muss die Form https://tools.example.com/mcp haben, ohne Benutzer und Fragment. Programme tragen Sie in corral.yaml, einer Vorlage oder einer Sitzung ein.',
  'At most {n} headers are allowed.': 'Höchstens {n} Header sind möglich.',
  "'{name}' cannot be sent as a header of a tool server.":
    '„{name}“ kann nicht als Header eines Werkzeugservers gesendet werden.',
  'The value of {name} must have 1 to 8,192 printable ASCII characters, because it is sent in a header.':
    'Der Wert von {name} muss aus 1 bis 8.192 druckbaren ASCII-Zeichen bestehen, weil er in einem Header gesendet wird.',
  'The address changes, and the stored value of {names} is not sent to a new address. Enter it again, or remove it.':
    'Die Adresse ändert sich, und der gespeicherte Wert von {names} wird nicht an eine neue Adresse gesendet. Geben Sie ihn erneut ein, oder entfernen Sie ihn.',
  'Sign-in works only from a page at https or localhost: open the page there, or enter a key as a header.':
    'Die Anmeldung funktioniert nur auf einer Seite unter https oder localhost. Öffnen Sie die Seite dort, oder geben Sie einen Schlüssel als Header ein.',
  "{setting} defines a tool server '{name}', which takes precedence. Choose another name, or change it there and restart the server.":
    '{setting} definiert einen Werkzeugserver „{name}“, der Vorrang hat. Wählen Sie einen anderen Namen, oder ändern Sie ihn dort, und starten Sie den Server neu.',
  '{name} is a program that runs in the sandbox of each session. Start a session to see its tools.':
    '{name} ist ein Programm, das in der Sandbox jeder Sitzung läuft. Starten Sie eine Sitzung, um seine Werkzeuge zu sehen.',
  "The tool server '{name}' already exists. Choose another name, or remove that one first.":
    'Den Werkzeugserver „{name}“ gibt es schon. Wählen Sie einen anderen Namen, oder entfernen Sie ihn zuerst.',
  "No tool server '{name}' was entered on the page.": 'Auf der Seite wurde kein Werkzeugserver „{name}“ eingegeben.',
  'The tool server {name} was changed by another request. Try again.':
    'Der Werkzeugserver {name} wurde gleichzeitig geändert. Versuchen Sie es erneut.',
  'No sign-in to {name} is pending for this response. Start it again.':
    'Zu dieser Antwort läuft keine Anmeldung bei {name}. Beginnen Sie sie erneut.',
  'The sign-in to the tool server {name} expired. Sign in again.':
    'Die Anmeldung beim Werkzeugserver {name} ist abgelaufen. Melden Sie sich erneut an.',
  'The tool server {name} was changed in the meantime. Start the sign-in again.':
    'Der Werkzeugserver {name} wurde inzwischen geändert. Beginnen Sie die Anmeldung erneut.',
  'The tool server {name} rejected {list} (401).': 'Der Werkzeugserver {name} hat {list} abgelehnt (401).',
  'the sign-in': 'die Anmeldung',
  'its headers': 'seine Header',
  'a request without a key': 'eine Anfrage ohne Schlüssel',
  'it answered {status}: {words}': 'er antwortete mit {status}: „{words}“',
  'its connection was interrupted': 'die Verbindung wurde unterbrochen',
  'it sent a message larger than 4 MiB': 'er hat eine Nachricht über 4 MiB gesendet',
  'its answer is not a message of the protocol (JSON-RPC 2.0)':
    'seine Antwort ist keine Nachricht des Protokolls (JSON-RPC 2.0)',
  "{why} Sign in to {name} again in the page's settings.":
    '{why} Melden Sie sich in den Einstellungen erneut bei {name} an.',
  'Its sign-in has expired.': 'Die Anmeldung ist abgelaufen.',
  'A stored secret cannot be opened: {why}.': 'Ein gespeichertes Geheimnis lässt sich nicht öffnen: {why}.',
  'it was sealed with the key {key}, which is not configured':
    'es wurde mit dem Schlüssel {key} verschlüsselt, der nicht eingerichtet ist',
  'it was modified, or copied from another record': 'es wurde verändert oder aus einem anderen Eintrag kopiert',
  // Automations
  'The schedule "{cron}" {why}. Use five fields: minute, hour, day of the month, month, day of the week, such as 0 9 * * 1-5.':
    'Der Zeitplan „{cron}“ {why}. Geben Sie fünf Felder an: Minute, Stunde, Tag des Monats, Monat, Wochentag, zum Beispiel 0 9 * * 1-5.',
  'is too long': 'ist zu lang',
  'cannot be read': 'ist nicht lesbar',
  'never occurs': 'trifft nie ein',
  'has one field': 'hat ein Feld',
  'has {n} fields, as in programs that also support seconds or years':
    'hat {n} Felder, wie in Programmen, die auch Sekunden oder Jahre kennen',
  'has the nickname {name}. Write its five fields': 'enthält das Kürzel {name}. Schreiben Sie es mit fünf Feldern',
  'has {n} fields': 'hat {n} Felder',
  'has ?, which other programs read as "no day". Write * there ({list})':
    'enthält ?, das andere Programme als „kein Tag“ lesen. Schreiben Sie dort * (Feld {list})',
  'has #, which counts the weeks of a month in other programs. It is not supported here ({list})':
    'enthält #, das in anderen Programmen die Wochen eines Monats zählt. Das geht hier nicht (Feld {list})',
  'has L, which is the last day in other programs. It is not supported here ({list})':
    'enthält L, in anderen Programmen der letzte Tag. Das geht hier nicht (Feld {list})',
  'has W, which is the nearest weekday in other programs. It is not supported here ({list})':
    'enthält W, in anderen Programmen der nächste Werktag. Das geht hier nicht (Feld {list})',
  'has H, which is a chosen time in other programs. Write the time itself ({list})':
    'enthält H, in anderen Programmen eine gewählte Zeit. Schreiben Sie die Zeit selbst (Feld {list})',
  'has ~, which is a random time in other programs. Write the time itself ({list})':
    'enthält ~, in anderen Programmen eine zufällige Zeit. Schreiben Sie die Zeit selbst (Feld {list})',
  'has a step in the {list} that is not a number above 0: {part}':
    'enthält im Feld {list} eine Schrittweite, die keine Zahl über 0 ist: {part}',
  'has a step in the {list} without a range: {part}. Write {step}, or a range such as {range}':
    'enthält im Feld {list} eine Schrittweite ohne Bereich: {part}. Schreiben Sie {step} oder einen Bereich wie {range}',
  'has an invalid range in the {list}: {part}': 'enthält im Feld {list} einen ungültigen Bereich: {part}',
  'has a range in the {list} that ends before it begins: {part}':
    'enthält im Feld {list} einen Bereich, der vor seinem Anfang endet: {part}',
  'has {text}, which is not the name of a {list}': 'enthält {text}, was kein Name im Feld {list} ist',
  'has no {list}: {part}': 'enthält im Feld {list} keinen gültigen Wert: {part}',
  'has {value} as the {list}, which is from {least} to {most}':
    'enthält im Feld {list} den Wert {value}; möglich ist {least} bis {most}',
  'has the step {step} in the {list}, which is longer than {range}':
    'enthält im Feld {list} die Schrittweite {step}, die größer als {range} ist',
  minute: 'Minute',
  hour: 'Stunde',
  'day of the month': 'Tag des Monats',
  month: 'Monat',
  'day of the week': 'Wochentag',
  'There is no time zone {name}. Use a name such as Europe/Berlin.':
    'Die Zeitzone {name} gibt es nicht. Verwenden Sie einen Namen wie Europe/Berlin.',
  'Choose at least one event that starts the automation.':
    'Wählen Sie mindestens ein Ereignis, das die Automation startet.',
  'Set the account whose mention starts the automation.':
    'Geben Sie das Konto an, dessen Erwähnung die Automation startet.',
  'is not the name of an account': 'ist kein Kontoname',
  'is not an id of that kind': 'ist keine ID dieser Art',
  'The automation would start itself endlessly. Choose another rule.':
    'Die Automation würde sich endlos selbst starten. Wählen Sie eine andere Regel.',
  'Enter a message, the task for the agent.': 'Geben Sie eine Nachricht ein, die Aufgabe für den Agenten.',
  'A prebuild runs no agent. Remove the message, or use the kind run.':
    'Beim Vorbereiten läuft kein Agent. Entfernen Sie die Nachricht, oder wählen Sie „Agenten starten“.',
  'A prebuild runs no agent, so a goal cannot be judged. Remove the goal, or use the kind run.':
    'Beim Vorbereiten läuft kein Agent, also lässt sich kein Ziel prüfen. Entfernen Sie das Ziel, oder wählen Sie „Agenten starten“.',
  'A prebuild prepares repositories. Name at least one.':
    'Geben Sie mindestens ein Repository an, das vorbereitet wird.',
  'This server keeps no prepared files, so a prebuild would have no effect. Raise repositories.keep-prepared.':
    'Dieser Server bewahrt keine vorbereiteten Dateien auf, daher wäre das Vorbereiten wirkungslos. Erhöhen Sie repositories.keep-prepared.',
  'The program that defined this automation has archived it. Create another one.':
    'Das Programm, das diese Automation angelegt hat, hat sie archiviert. Legen Sie eine neue an.',
  'This automation was created through the API {api}; only that API can change its {field}.':
    'Diese Automation wurde über die API {api} angelegt. {field} lässt sich nur dort ändern.',
  'This automation was created through the API {api}, which is turned off on this server. Turn it on, then resume the automation.':
    'Diese Automation wurde über die API {api} angelegt, die auf diesem Server abgeschaltet ist. Schalten Sie sie ein, und setzen Sie die Automation fort.',
  'The owner of this automation no longer has a valid key.':
    'Der Besitzer dieser Automation hat keinen gültigen Schlüssel mehr.',
  'It was changed in the meantime: its version is {now}, not {version}. Read it again.':
    'Sie wurde inzwischen geändert. Laden Sie die Seite neu.',
  'Somebody paused it.': 'Sie wurde von Hand pausiert.',
  '{n} starts are already waiting. Wait for them, or stop running sessions.':
    'Es warten schon {n} Starts. Warten Sie sie ab, oder stoppen Sie laufende Sitzungen.',
  'The automation accepts no deliveries. Add a hook first.':
    'Die Automation nimmt keine Zustellungen an. Wählen Sie zuerst eine Zustellung als Auslöser.',
  'Its owner has no access: no valid key, disabled, or no longer in the project. Resume it once the owner has access again, or to take it over.':
    'Der Besitzer hat keinen Zugriff mehr: kein gültiger Schlüssel, deaktiviert oder nicht mehr im Projekt. Setzen Sie fort, sobald er wieder Zugriff hat, oder um selbst zu übernehmen.',
  'Its session was deleted.': 'Die Sitzung wurde gelöscht.',
  'It will be retried: {why}': 'Es folgt ein weiterer Versuch: {why}',
  'It was paused after {n} consecutive failures.': 'Nach {n} Fehlschlägen in Folge pausiert.',
  'The server is starting.': 'Der Server startet gerade.',
  '{path} was not fetched.': '{path} wurde nicht geklont.',
  '{path} has no .corral/setup.sh, so there is nothing to prepare in it.':
    '{path} hat keine .corral/setup.sh, also gibt es dort nichts vorzubereiten.',
  'needs a rubric or a check': 'braucht Kriterien oder eine Prüfung',
  // Webhooks
  'must begin with https:// or http://, without a user or password':
    'muss mit https:// oder http:// beginnen, ohne Benutzer und Passwort',
  'The webhook is paused. Resume it first.': 'Der Webhook ist pausiert. Setzen Sie ihn zuerst fort.',
  'The webhook is paused. Resume it, and send this again.':
    'Der Webhook ist pausiert. Setzen Sie ihn fort, und senden Sie erneut.',
  'There is no such delivery, or it is older than the last 200.':
    'Diese Zustellung gibt es nicht, oder sie ist älter als die letzten 200.',
  'The delivery is already in progress. The list of deliveries shows its next attempt.':
    'Die Zustellung läuft schon. Den nächsten Versuch zeigt die Liste der Zustellungen.',
  'The endpoint did not answer within 15 seconds.': 'Die Adresse hat nicht innerhalb von 15 Sekunden geantwortet.',
  'It was paused after {n} consecutive failed deliveries.': 'Nach {n} fehlgeschlagenen Zustellungen in Folge pausiert.',
  'Its endpoint answered 410: it no longer exists.': 'Die Adresse antwortete mit 410: Es gibt sie nicht mehr.',
  "It answered {status}, a redirect to {target}. Redirects are not followed: change the webhook's address.":
    'Die Adresse antwortete mit {status}, einer Weiterleitung nach {target}. Weiterleitungen wird nicht gefolgt: Ändern Sie die Adresse des Webhooks.',
  'It answered {status}.': 'Die Adresse antwortete mit {status}.',
  '{host} is at a private address, which webhooks cannot reach. An operator can allow its network in webhooks.allow-ranges (CORRAL_WEBHOOKS_ALLOW_RANGES) and restart the server.':
    '{host} hat eine private Adresse, die Webhooks nicht erreichen. Ein Betreiber kann ihr Netzwerk unter webhooks.allow-ranges (CORRAL_WEBHOOKS_ALLOW_RANGES) erlauben und den Server neu starten.',
  '{host} is at a private address; see egress.allowRanges.':
    '{host} hat eine private Adresse; siehe egress.allowRanges.',
  'The connection to {host} was interrupted.': 'Die Verbindung zu {host} wurde unterbrochen.',
  '{host} could not be reached over TLS.': '{host} ist über TLS nicht erreichbar.',
  '{host} could not be reached over TLS: {text}.': '{host} ist über TLS nicht erreichbar: {text}.',
  // Skills
  'There are {n} files; at most {most} are allowed.': 'Es sind {n} Dateien; erlaubt sind höchstens {most}.',
  'The files have {n} bytes in total; at most {most} are allowed.':
    'Die Dateien haben zusammen {n} Byte; erlaubt sind höchstens {most}.',
  '{path} is not a relative path of a file.': '{path} ist kein relativer Dateipfad.',
  '{path} is longer than {n} bytes.': '{path} ist länger als {n} Byte.',
  '{path} is listed twice.': '{path} kommt doppelt vor.',
  '{path} lies below a file.': '{path} liegt unterhalb einer Datei.',
  '{path} must be called SKILL.md.': '{path} muss SKILL.md heißen.',
  'The skill {name} already exists. Add a version to it, or delete it first.':
    'Die Fähigkeit {name} gibt es schon. Fügen Sie ihr eine Version hinzu, oder löschen Sie sie zuerst.',
  'The skill is named {name}, not {other} as in this folder. Its name cannot change.':
    'Die Fähigkeit heißt {name}, nicht {other} wie in diesem Ordner. Ihr Name lässt sich nicht ändern.',
  'The skill {name} has no file {file}. It has: {paths}.':
    'Die Fähigkeit {name} enthält keine Datei {file}. Vorhanden: {paths}.',
  '{file} is not text. Use it in the sandbox.': '{file} ist kein Text. Verwenden Sie die Datei in der Sandbox.',
  'The template {template} uses {skill}. Remove it there first.':
    'Die Vorlage {template} verwendet {skill}. Entfernen Sie die Fähigkeit zuerst dort.',
  'The skill is in a different project than the session.':
    'Die Fähigkeit gehört zu einem anderen Projekt als die Sitzung.',
  'The skill {id} of this session or its version {version} was deleted. Start a session without it.':
    'Die Fähigkeit {id} dieser Sitzung oder ihre Version {version} wurde gelöscht. Starten Sie eine Sitzung ohne sie.',
  'There is no skill {name} for this session. Upload it, or share it.':
    'Für diese Sitzung gibt es keine Fähigkeit {name}. Laden Sie sie hoch, oder geben Sie sie frei.',
  'The skill {name} has no version {version}.': 'Die Fähigkeit {name} hat keine Version {version}.',
  'The archive cannot be read: {why}. Upload the folder, or pack it again.':
    'Das Archiv ist nicht lesbar: {why}. Laden Sie den Ordner hoch, oder packen Sie ihn erneut.',
  'it has {n} entries, and at most {most} are allowed': 'es hat {n} Einträge, erlaubt sind höchstens {most}',
  'it has more than {most} entries': 'es hat mehr als {most} Einträge',
  '{path} is a link': '{path} ist ein Link',
  '{path} is a device, or another special file': '{path} ist ein Gerät oder eine andere Spezialdatei',
  '{path} has a password': '{path} ist mit einem Passwort geschützt',
  'its files have more than {n} bytes': 'seine Dateien haben mehr als {n} Byte',
  'The archive is in the format {format}. Pack it {forms}.':
    'Das Archiv hat das Format {format}. Packen Sie es stattdessen {forms}.',
  'SKILL.md: {why}': 'SKILL.md: {why}',
  'The line --- that ends its fields is missing.': 'Die Zeile ---, die die Felder abschließt, fehlt.',
  'Its fields are larger than {n} KiB.': 'Die Felder sind größer als {n} KiB.',
  'It has more than {n} fields.': 'Es sind mehr als {n} Felder.',
  '{field} cannot be read and is not used: {problem}.': '{field} ist nicht lesbar und wird nicht verwendet: {problem}.',
  '{field} has the wrong type for this field, and is not used.':
    '{field} hat den falschen Typ und wird nicht verwendet.',
  '{field} is not a known field, and is not used.': '{field} ist kein bekanntes Feld und wird nicht verwendet.',
  'there are no instructions below the second ---.': 'Unter dem zweiten --- stehen keine Anweisungen.',
  'more than {n} lines; move parts into other files.': 'mehr als {n} Zeilen; verschieben Sie Teile in andere Dateien.',
  'name cannot be used as it is, so {name} is used.': 'name ist so nicht verwendbar, daher heißt die Fähigkeit {name}.',
  'name is {name}, and its folder is {folder}. Rename one of them.':
    'name ist {name}, der Ordner heißt aber {folder}. Benennen Sie eines von beiden um.',
  'description is missing, so the first paragraph is used.': 'description fehlt, daher gilt der erste Absatz.',
  'description has more than {n} characters; agents see only its beginning.':
    'description hat mehr als {n} Zeichen; Agenten sehen nur den Anfang.',
  // Notes of agents
  'The path of a note has 1 to {n} characters, such as build/commands.md.':
    'Der Pfad einer Notiz hat 1 bis {n} Zeichen, zum Beispiel build/commands.md.',
  'The path {path} is not in Unicode normal form (NFC).': 'Der Pfad {path} ist nicht in der Unicode-Normalform NFC.',
  'The text of a note has an incomplete character or a NUL. Notes are plain text.':
    'Der Text enthält ein unvollständiges Zeichen oder ein NUL-Zeichen. Notizen sind reiner Text.',
  'The note has {size} bytes, and memory.max-note-bytes allows {most}. Shorten it, or split it into several notes.':
    'Die Notiz hat {size} Byte, und memory.max-note-bytes erlaubt {most}. Kürzen Sie sie, oder teilen Sie sie auf.',
  'The notes would have {size} bytes in total, and memory.max-bytes allows {most}. Shorten or delete some.':
    'Die Notizen hätten zusammen {size} Byte, und memory.max-bytes erlaubt {most}. Kürzen oder löschen Sie einige.',
  'There are already {n} notes. Delete or merge some.':
    'Es gibt schon {n} Notizen. Löschen Sie einige, oder fassen Sie sie zusammen.',
  '{path} cannot be a note, because {other} is one: a name is a note or a folder. Choose another name.':
    '{path} kann keine Notiz sein, weil {other} eine ist: Ein Name ist eine Notiz oder ein Ordner. Wählen Sie einen anderen Namen.',
  'There is no note {path}.': 'Die Notiz {path} gibt es nicht.',
  'Version {n} of {path} is its current text. Change or delete the note first, or redact all of it.':
    'Version {n} von {path} ist der aktuelle Text. Ändern oder löschen Sie die Notiz zuerst, oder schwärzen Sie alle Versionen.',
  '{path} has no version {n}. Its versions are {first} to {last}.':
    '{path} hat keine Version {n}. Vorhanden sind {first} bis {last}.',
  'The text of version {n} was redacted and cannot be restored.':
    'Der Text von Version {n} wurde geschwärzt und lässt sich nicht wiederherstellen.',
  'Version {n} deleted the note, so it has no text.': 'Version {n} hat die Notiz gelöscht und enthält keinen Text.',
  '{path} is at version {n}: it was changed in the meantime. Read it again before you write.':
    '{path} wurde inzwischen geändert. Laden Sie die Notiz neu, bevor Sie schreiben.',
  '{path} does not exist: it was changed in the meantime. Read it again before you write.':
    '{path} wurde inzwischen gelöscht. Laden Sie die Notizen neu, bevor Sie schreiben.',
};
