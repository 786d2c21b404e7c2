// follow keeps the end of a box's content in view while the reader is there. A reader who has scrolled up stays where they are.
export function follow(box, content) {
  let atEnd = true, top = 0;
  const keep = () => { if (atEnd) box.scrollTop = box.scrollHeight; };
  box.addEventListener("scroll", () => {
    if (box.scrollHeight - box.scrollTop - box.clientHeight < 8) atEnd = true;
    else if (box.scrollTop < top) atEnd = false; // what grows below moves nobody up
    top = box.scrollTop;
  });
  const sizes = new ResizeObserver(keep);
  sizes.observe(box);
  sizes.observe(content);
  return {
    toEnd() { atEnd = true; keep(); },

    // still makes a change after which an element, or the one that place returns, is where it was.
    still(element, change, place = () => element) {
      const before = element.getBoundingClientRect().top;
      atEnd = false;
      change();
      const after = place();
      if (after) box.scrollTop += after.getBoundingClientRect().top - before;
      top = box.scrollTop;
      atEnd = box.scrollHeight - top - box.clientHeight < 8;
    },
  };
}
