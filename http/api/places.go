package api

import (
	"math"

	"github.com/labstack/echo/v4"

	"waybill/domain"
	"waybill/domain/place"
)

// How many places are answered: when nobody says, and near a click.
const (
	placesFound = 10
	placesNear  = 5
)

// SearchPlaces finds destinations by what is typed (R24).
func (s *server) SearchPlaces(c echo.Context, params SearchPlacesParams) error {
	if params.Country != "" {
		if _, ok := s.Places.Country(params.Country); !ok {
			return wrongParameter("country", "unknown_value", "没有该国家或地区，见 /api/v1/countries",
				"is no country or region; see /api/v1/countries")
		}
	}
	limit := placesFound
	if params.Limit != 0 {
		limit = int(params.Limit)
	}
	found := s.Places.Search(params.Q, params.Country, limit)
	return keyless(c, PlaceList{Items: convert(found, placeOf), Attribution: s.attribution()})
}

// FindNearestPlaces names what a click on the map is near to, so that coordinates are never typed (R24).
func (s *server) FindNearestPlaces(c echo.Context, params FindNearestPlacesParams) error {
	at, err := place.ToWGS84(place.Point{Latitude: params.Lat, Longitude: params.Lng}, string(params.Crs))
	if err != nil {
		return err
	}
	clicked := wgs84(at)
	return keyless(c, NearestPlaces{
		Point: clicked,
		Items: convert(s.Places.Nearest(place.Point(clicked), placesNear), func(n place.Near) NearPlace {
			return NearPlace{Place: placeOf(n.Place), DistanceKm: rounded(n.Distance, 3)}
		}),
		Attribution: s.attribution(),
	})
}

// GetPlace is one entry of the gazetteer.
func (s *server) GetPlace(c echo.Context, id PlaceID, _ GetPlaceParams) error {
	p, ok := s.Places.Place(id)
	if !ok {
		return domain.ErrNotFound
	}
	return keyless(c, OnePlace{Place: placeOf(p), Attribution: s.attribution()})
}

// ListCountries are all countries, as a form offers them.
func (s *server) ListCountries(c echo.Context, _ ListCountriesParams) error {
	return keyless(c, Countries{Items: convert(s.Places.Countries(), countryOf)})
}

// keyless responds with a representation that is no object's: no write can name it.
func keyless(c echo.Context, body any) error {
	raw, err := encode(body)
	if err != nil {
		return err
	}
	return tagged(c, tagOf(raw), echo.MIMEApplicationJSON, raw)
}

func (s *server) attribution() Attribution { return Attribution(textOf(s.Places.Attribution())) }

func placeOf(p place.Place) Place {
	return Place{
		ID: p.ID, Kind: PlaceKind(p.Kind), Name: textOf(p.Name), Country: countryOf(p.Country),
		Latitude: p.Point.Latitude, Longitude: p.Point.Longitude,
	}
}

func countryOf(c place.Country) CountryOrRegion {
	return CountryOrRegion{Code: c.Code, Name: textOf(c.Name)}
}

// wgs84 is a point in WGS-84, to a centimetre.
func wgs84(p place.Point) Point {
	return Point{Latitude: rounded(p.Latitude, 7), Longitude: rounded(p.Longitude, 7)}
}

// rounded leaves so many places after the point: seven of a degree are a centimetre, three of a kilometre a metre.
func rounded(v float64, places int) float64 {
	scale := math.Pow10(places)
	return math.Round(v*scale) / scale
}
