package product

import (
	"fmt"
	"math"
	"slices"

	"waybill/domain"
)

// Limits of what is typed: code points, and counts (R24, Q4, Q25).
const (
	MaxName    = 30
	MaxBrief   = 60
	MaxTags    = 50
	MaxTag     = 50
	MaxPlace   = 30
	MaxDetails = 10
)

// Modes are the four transport modes with their names (R24).
var Modes = map[Mode]domain.Text{
	Sea:  {ZH: "海运", EN: "sea"},
	Air:  {ZH: "空运", EN: "air"},
	Land: {ZH: "陆运", EN: "land"},
	Rail: {ZH: "铁路", EN: "rail"},
}

// CoordinateSystems are those a map may give (Q24).
var CoordinateSystems = []string{"WGS-84", "GCJ-02", "BD-09"}

// Clean cleans the content in place and reports all its mistakes at once, each at its field. Empty and repeated
// tags are dropped, the first of equals stays.
func (c *Content) Clean() error {
	var f domain.Fields
	f.Line("/name", &c.Name, MaxName, domain.Text{ZH: "产品名称", EN: "product name"})
	f.Line("/brief", &c.Brief, MaxBrief, domain.Text{ZH: "产品简介", EN: "product brief"})
	c.cleanTags(&f)
	if _, ok := Modes[c.Mode]; !ok {
		f.Add("/mode", "unknown_mode", "请选择运输方式", "transport mode must be sea, air, land or rail")
	}
	c.Destination.clean(&f)
	f.Image("/cover", c.Cover, domain.Text{ZH: "产品封面图", EN: "cover image"})
	c.checkDetails(&f)
	return f.Err()
}

func (c *Content) cleanTags(f *domain.Fields) {
	tags := make([]string, 0, min(len(c.Tags), MaxTags))
	for i, tag := range c.Tags {
		before := len(*f)
		if tag = domain.CleanText(tag); tag == "" || slices.Contains(tags, tag) {
			continue
		}
		if f.Line(fmt.Sprintf("/tags/%d", i), &tag, MaxTag, domain.Text{ZH: "标签", EN: "tag"}); len(*f) > before {
			continue
		}
		if len(tags) == MaxTags {
			f.Add("/tags", "too_many", fmt.Sprintf("产品标签不能超过%d个", MaxTags), fmt.Sprintf("at most %d tags", MaxTags))
			break
		}
		tags = append(tags, tag)
	}
	c.Tags = tags
}

func (c *Content) checkDetails(f *domain.Fields) {
	label := domain.Text{ZH: "详情图", EN: "detail image"}
	switch n := len(c.Details); {
	case n == 0:
		f.Add("/details", "required", "请上传"+label.ZH, "at least one detail image is required")
	case n > MaxDetails:
		f.Add("/details", "too_many", fmt.Sprintf("详情图不能超过%d张", MaxDetails), fmt.Sprintf("at most %d detail images", MaxDetails))
		return
	}
	for i, ref := range c.Details {
		f.Image(fmt.Sprintf("/details/%d", i), ref, label)
	}
}

func (d *Destination) clean(f *domain.Fields) {
	f.Line("/destination/country", &d.Country, MaxPlace, domain.Text{ZH: "目的地国家", EN: "destination country"})
	f.Line("/destination/city", &d.City, MaxPlace, domain.Text{ZH: "目的地城市", EN: "destination city"})
	if d.Latitude == 0 && d.Longitude == 0 {
		// No city is there, but a form whose map was never clicked is.
		f.Add("/destination/latitude", "required", "请在地图上点击目的地以填入经纬度", "click the destination on the map to fill in its coordinates")
		return
	}
	checkDegrees(f, "/destination/latitude", d.Latitude, 90, domain.Text{ZH: "纬度", EN: "latitude"})
	checkDegrees(f, "/destination/longitude", d.Longitude, 180, domain.Text{ZH: "经度", EN: "longitude"})
	if !slices.Contains(CoordinateSystems, d.CRS) {
		f.Add("/destination/crs", "unknown_crs", "坐标系须为 WGS-84、GCJ-02 或 BD-09", "coordinate system must be WGS-84, GCJ-02 or BD-09")
	}
}

func checkDegrees(f *domain.Fields, pointer string, value, limit float64, label domain.Text) {
	// Written so that NaN is refused too.
	if !(math.Abs(value) <= limit) {
		f.Add(pointer, "out_of_range", fmt.Sprintf("%s须在 -%v 到 %v 之间", label.ZH, limit, limit),
			fmt.Sprintf("%s must be from -%v to %v", label.EN, limit, limit))
	}
}
