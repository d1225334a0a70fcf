// Sphinx 9 names the stemmer after the language, but the Chinese search has the English stemmer.
var ChineseStemmer = function () {
  return new EnglishStemmer();
};

// Chinese has no spaces, so a question is cut into the words of the index: the longest word first.
var splitQuery = (query) => {
  const words = new Set([
    ...Object.keys(Search._index?.terms ?? {}),
    ...Object.keys(Search._index?.titleterms ?? {}),
  ]);
  const longest = 12;
  const cut = (run) => {
    const found = [];
    for (let start = 0; start < run.length; ) {
      let end = Math.min(run.length, start + longest);
      while (end > start + 1 && !words.has(run.slice(start, end))) end--;
      if (end > start + 1) found.push(run.slice(start, end));
      start = end;
    }
    return found.length ? found : [run];
  };
  return query
    .split(/[^\p{Letter}\p{Number}_]+/gu)
    .flatMap((part) => part.split(/([\u4e00-\u9fff]+)/u))
    .filter((part) => part)
    .flatMap((part) => (/[\u4e00-\u9fff]/u.test(part) ? cut(part) : [part]));
};
