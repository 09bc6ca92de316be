import type { previewStrings as english } from '../en/preview.ts';

export const previewStrings: Record<keyof typeof english, string> = {
  'tab.preview': 'Vorschau',
  'tab.new': 'neu',
  'preview.none': 'Es laufen keine Server. Starten Sie einen in der Sandbox, dann erscheint er hier.',
  'preview.ports': 'Offene Ports',
  'preview.port': 'Port {port}',
  'preview.back': 'Zurück zu den Ports',
  'preview.path': 'Pfad',
  'preview.reload': 'Neu laden',
  'preview.enter': 'In die Seite springen',
  'preview.frame': 'Programm auf Port {port}',
  'preview.sandboxed':
    'Abgeschottete Vorschau: Browser-Speicher und URLs, die mit / beginnen, funktionieren nicht. Setzen Sie auf dem Server CORRAL_PREVIEWS_DOMAIN, um sie freizuschalten.',
  'preview.open': 'Links zu Programmen und Dateien',
  'preview.openText':
    'Jede Vorschau hat einen eigenen Link. Wer ihn hat, sieht das Programm oder die Dateien, bis der Link abläuft oder widerrufen wird.',
  'preview.closeOne': 'Link widerrufen: {what}',
  'preview.notClosed': 'Link konnte nicht widerrufen werden',
  'attach.add': 'Dateien anhängen',
  'attach.files': 'Angehängte Dateien',
  'attach.remove': '„{name}“ entfernen',
  'attach.copyPath': 'Pfad kopieren',
  'attach.pasted': 'Der eingefügte Text ist für eine Nachricht zu lang und wurde daher als Datei angehängt.',
  'attach.sending': 'Dateien werden hochgeladen. Wenn sie fertig sind, können Sie die Nachricht senden.',
  'files.zoom': 'In voller Größe anzeigen',
  'files.pdf': 'Dieser Browser kann hier keine PDFs anzeigen. Laden Sie die Datei herunter, um sie zu lesen.',
  'files.sandboxed': 'Abgeschottete Vorschau: Skripte erreichen weder andere Websites noch Ihre Daten.',
  'files.withoutScripts': 'Skripte sind aus.',
  'files.runScripts': 'Skripte ausführen',
  'notebook.cell': 'Zelle {number}',
  'notebook.broken': 'Dieses Notebook kann nicht angezeigt werden. Wählen Sie „Quelltext“, um die Datei zu sehen.',
};
