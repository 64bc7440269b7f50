package rules

import (
	"fmt"

	"waybill/domain"
	"waybill/domain/media"
	"waybill/domain/place"
)

// ProductForm names the form of a product.
const ProductForm = "product"

// Limits of a product: code points, and counts (R24, Q4, Q25).
const (
	maxProductName = 30
	maxBrief       = 60
	maxTags        = 50
	maxTag         = 50
	maxPlace       = 30
	maxDetails     = 10
)

// Product is the form of a product (R24).
var Product = Form{Name: ProductForm, Label: domain.Text{ZH: "物流产品", EN: "logistics product"}, Fields: []Field{
	line("/name", maxProductName, domain.Text{ZH: "产品名称", EN: "product name"}),
	line("/brief", maxBrief, domain.Text{ZH: "产品简介", EN: "product brief"}),
	tagsField(),
	choice("/mode", "unknown_mode", domain.Text{ZH: "运输方式", EN: "transport mode"}, []Option{
		{"sea", domain.Text{ZH: "海运", EN: "sea"}},
		{"air", domain.Text{ZH: "空运", EN: "air"}},
		{"land", domain.Text{ZH: "陆运", EN: "land"}},
		{"rail", domain.Text{ZH: "铁路", EN: "rail"}},
	}, "请选择运输方式", "transport mode must be sea, air, land or rail"),
	city("/destination/country", maxPlace, domain.Text{ZH: "目的地国家", EN: "destination country"}),
	cityField(),
	latitudeField(),
	degrees("/destination/longitude", 180, domain.Text{ZH: "经度", EN: "longitude"}),
	choice("/destination/crs", "unknown_crs", domain.Text{ZH: "坐标系", EN: "coordinate system"}, []Option{
		{place.WGS84, domain.Text{ZH: "WGS-84", EN: "WGS-84"}},
		{place.GCJ02, domain.Text{ZH: "GCJ-02（高德、腾讯）", EN: "GCJ-02 (Amap, Tencent)"}},
		{place.BD09, domain.Text{ZH: "BD-09（百度）", EN: "BD-09 (Baidu)"}},
	}, "坐标系须为 WGS-84、GCJ-02 或 BD-09", "coordinate system must be WGS-84, GCJ-02 or BD-09"),
	picture("/cover", media.Cover, domain.Text{ZH: "产品封面图", EN: "cover image"}),
	detailsField(),
}}

func tagsField() Field {
	const at = "/tags/*"
	label := domain.Text{ZH: "标签", EN: "tag"}
	return Field{
		Pointer: "/tags", Label: domain.Text{ZH: "产品标签", EN: "product tags"}, Kind: Tags, Counter: maxTag,
		Rules: []Rule{check(MaxItems, "too_many", "/tags", maxTags, fmt.Sprintf("产品标签不能超过%d个", maxTags),
			fmt.Sprintf("at most %d tags", maxTags))},
		Items: []Rule{tooLong(at, maxTag, label), printable(at, label), oneLine(at, label)},
	}
}

func cityField() Field {
	f := city("/destination/city", maxPlace, domain.Text{ZH: "目的地城市", EN: "destination city"})
	f.Rules = append(f.Rules, soft(check(KnownPlace, "place_unknown", f.Pointer, 0,
		"地名库中没有该城市，为手工填写", "the city was typed: the gazetteer does not have it")))
	return f
}

// latitudeField speaks for both coordinates.
func latitudeField() Field {
	f := degrees("/destination/latitude", 90, domain.Text{ZH: "纬度", EN: "latitude"})
	// At 0, 0 no city is, but a form whose map was never clicked is.
	f.Rules = append([]Rule{check(Required, "required", f.Pointer, 0,
		"请在地图上点击目的地以填入经纬度", "click the destination on the map to fill in its coordinates")}, f.Rules...)
	f.Rules = append(f.Rules, soft(check(NearPlace, "place_far", f.Pointer, place.MaxDistance,
		fmt.Sprintf("坐标距所填城市超过%d公里", place.MaxDistance),
		fmt.Sprintf("the coordinates are more than %d km from the named city", place.MaxDistance))))
	return f
}

func detailsField() Field {
	label := domain.Text{ZH: "详情图", EN: "detail image"}
	return Field{
		Pointer: "/details", Label: domain.Text{ZH: "详情图", EN: "detail images"}, Kind: Images, Purpose: media.Detail,
		Rules: []Rule{
			check(Required, "required", "/details", 0, "请上传详情图", "at least one detail image is required"),
			check(MaxItems, "too_many", "/details", maxDetails, fmt.Sprintf("详情图不能超过%d张", maxDetails),
				fmt.Sprintf("at most %d detail images", maxDetails)),
		},
		Items: imageRules("/details/*", label),
	}
}
