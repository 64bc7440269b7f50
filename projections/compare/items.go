package compare

import "github.com/aymanbagabas/go-udiff/lcs"

// Fate is what became of an item of a list.
type Fate string

// The fates.
const (
	Kept    Fate = "kept"
	Added   Fate = "added"
	Removed Fate = "removed"
	Moved   Fate = "moved" // it is there still, and stands elsewhere among those that were kept
)

// Item is one item of a list: an image or a tag.
type Item struct {
	Value string
	Fate  Fate
	// Was and Is are its places in the earlier and in the later list, from 1; 0 where it is not in that list.
	Was, Is int
}

// items says of each item what became of it. As few as can be were moved: an item that others were put before was kept.
func items(before, after []string) []Item {
	edits := lcs.DiffLines(before, after)
	taken := map[string][]int{} // the places of what is no more where it was, by value
	for _, e := range edits {
		for i := e.Start; i < e.End; i++ {
			taken[before[i]] = append(taken[before[i]], i)
		}
	}
	moved := map[int]int{} // from where, by the place now
	for _, e := range edits {
		for i := e.ReplStart; i < e.ReplEnd; i++ {
			if from := taken[after[i]]; len(from) > 0 {
				moved[i], taken[after[i]] = from[0], from[1:]
			}
		}
	}
	gone := map[int]bool{}
	for _, places := range taken {
		for _, i := range places {
			gone[i] = true
		}
	}
	all := make([]Item, 0, len(after)+len(gone))
	was, is := 0, 0
	keep := func(until int) {
		for ; was < until; was, is = was+1, is+1 {
			all = append(all, Item{Value: before[was], Fate: Kept, Was: was + 1, Is: is + 1})
		}
	}
	for _, e := range edits {
		keep(e.Start)
		for ; was < e.End; was++ {
			if gone[was] {
				all = append(all, Item{Value: before[was], Fate: Removed, Was: was + 1})
			}
		}
		for ; is < e.ReplEnd; is++ {
			item := Item{Value: after[is], Fate: Added, Is: is + 1}
			if from, ok := moved[is]; ok {
				item.Fate, item.Was = Moved, from+1
			}
			all = append(all, item)
		}
	}
	keep(len(before))
	return all
}
