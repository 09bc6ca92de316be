import '../styles/all.css';
import { render } from 'preact';
import { warmParser } from '../parsing/parse.ts';
import { SharedPage } from './page.tsx';
import { pollSharedSession } from './session.ts';

const root = document.getElementById('root');
if (root) render(<SharedPage />, root);
pollSharedSession();
warmParser(); // the parser loads while the session is fetched
