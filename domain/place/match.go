package place

// Match is a destination as it was typed and clicked, brought to what can be compared: where it is in WGS-84, and what the gazetteer says
// of it. It is found once and recorded in an event beside the raw value and its system (Q24): another edition of the gazetteer, or a
// better rule of where maps shift, must not change what was judged (docs/decisions/0038).
type Match struct {
	Point Point
	Fact  Fact
}

// MatchOf matches a country and a city with the point that a map gave in one of Systems. It refuses as ToWGS84 does; a city that the
// gazetteer does not have is a match without a fact.
func MatchOf(g Gazetteer, country, city string, raw Point, crs string) (Match, error) {
	at, err := ToWGS84(raw, crs)
	if err != nil {
		return Match{}, err
	}
	return Match{Point: at, Fact: g.Find(country, city, at)}, nil
}

// Far reports a point that is further from its city than anything there is.
func (m Match) Far() bool { return m.Fact.Far() }
