"""One session across two languages: a target and a server of ours, with one key, behind one host name."""
